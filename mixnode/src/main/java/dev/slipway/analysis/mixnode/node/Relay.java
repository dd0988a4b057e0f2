package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Hop;
import dev.slipway.analysis.mixnode.packet.Layer;
import dev.slipway.analysis.mixnode.packet.Opener;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.json.JsonMapper;

/** The next node, over connections that are kept open. A batch is one request: its packets, one after the other. */
final class Relay implements NextHop {

    private static final Logger log = LoggerFactory.getLogger(Relay.class);
    private static final JsonMapper JSON = new JsonMapper();

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(2)).build();
    private final URI uri;
    private final Duration timeout;

    Relay(NodeProperties properties) {
        this.uri = properties.nextHop("/packets");
        // The nodes behind mix, deliver and perhaps wait for a restart before they answer.
        this.timeout = properties.giveUpAfter().multipliedBy(properties.hop() == Hop.ENTRY ? 4 : 2);
    }

    @Override
    public CompletableFuture<List<Outcome>> send(List<? extends Opener.Opened> batch, long deadline) {
        Outcome[] outcomes = new Outcome[batch.size()];
        return send(batch, outcomes, IntStream.range(0, outcomes.length).boxed().toList(), deadline, 0);
    }

    /** @param open the places in the batch that still have no outcome */
    private CompletableFuture<List<Outcome>> send(
            List<? extends Opener.Opened> batch, Outcome[] outcomes, List<Integer> open, long deadline, int attempt) {
        return post(open.stream().map(batch::get).toList()).thenCompose(answers -> {
            boolean last = System.nanoTime() >= deadline;
            List<Integer> left = new ArrayList<>();
            for (int i = 0; i < open.size(); i++) {
                Outcome answer = answers.get(i);
                if ((answer == Outcome.BUSY || answer == Outcome.NEXT_HOP_DOWN) && !last) {
                    left.add(open.get(i));
                } else {
                    outcomes[open.get(i)] = switch (answer) {
                        case DELIVERED, REFUSED_BY_THE_SERVICE -> answer;
                        case BUSY, NEXT_HOP_DOWN -> Outcome.NEXT_HOP_DOWN;
                        default -> Outcome.REFUSED_BY_THE_NEXT_HOP;
                    };
                }
            }
            return left.isEmpty()
                    ? CompletableFuture.completedFuture(List.of(outcomes))
                    : Retry.later(attempt, () -> send(batch, outcomes, left, deadline, attempt + 1));
        });
    }

    private CompletableFuture<List<Outcome>> post(List<? extends Opener.Opened> packets) {
        ByteArrayOutputStream body = new ByteArrayOutputStream(packets.size() * Layer.PACKET_LENGTH);
        packets.forEach(packet -> body.writeBytes(((Opener.Relayed) packet).packet()));
        HttpRequest request = HttpRequest.newBuilder(uri)
                .timeout(timeout)
                .header("Content-Type", "application/octet-stream")
                .POST(HttpRequest.BodyPublishers.ofByteArray(body.toByteArray()))
                .build();
        return http.sendAsync(request, HttpResponse.BodyHandlers.ofByteArray())
                .handle((response, failure) -> outcomes(packets.size(), response, failure));
    }

    private List<Outcome> outcomes(int packets, @Nullable HttpResponse<byte[]> response, @Nullable Throwable failure) {
        if (response == null) {
            log.debug("{} does not answer: {}", uri, String.valueOf(failure));
            return Collections.nCopies(packets, Outcome.NEXT_HOP_DOWN);
        }
        if (response.statusCode() == PacketController.MIXED) {
            List<Outcome> outcomes = List.of(JSON.readValue(response.body(), Outcome[].class));
            if (outcomes.size() == packets) {
                return outcomes;
            }
        }
        log.debug("{} answers {}", uri, response.statusCode());
        return Collections.nCopies(packets, switch (response.statusCode()) {
            case 204 -> Outcome.DELIVERED;
            case 422 -> Outcome.REFUSED_BY_THE_SERVICE;
            case 503 -> Outcome.BUSY;
            default -> Outcome.REFUSED_BY_THE_NEXT_HOP;
        });
    }
}
