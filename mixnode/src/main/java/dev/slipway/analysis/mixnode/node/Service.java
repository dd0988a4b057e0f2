package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Keys;
import dev.slipway.analysis.mixnode.packet.Opener;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The service that submissions are for. An idempotency key lets each be sent again without harm. */
final class Service implements NextHop {

    private static final Logger log = LoggerFactory.getLogger(Service.class);

    private static final Duration ANSWER = Duration.ofSeconds(15);

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(2)).build();
    private final URI uri;
    private final Path tokenFile;
    private final String token;
    private final int lanes;
    private final AtomicBoolean letIn = new AtomicBoolean(true);

    Service(NodeProperties properties) {
        this.uri = properties.nextHop("/api/analyses");
        this.tokenFile = properties.tokenFile();
        this.token = readToken(tokenFile);
        this.lanes = properties.deliveryLanes();
    }

    /** @throws Keys.KeyFileException if there is none; the message does not hold it */
    static String readToken(Path file) {
        String token = "";
        try {
            token = Files.readString(file).strip();
        } catch (IOException e) {
            // As one that is empty.
        }
        if (!token.matches("[!-~]+")) {
            throw new Keys.KeyFileException("The token file " + file + " is missing, or is not one line of plain characters: an exit that"
                    + " sends to the service needs one, which bash scripts/secrets.sh makes.");
        }
        return token;
    }

    /** A few at the same time, each lane one after the other. */
    @Override
    public CompletableFuture<List<Outcome>> send(List<? extends Opener.Opened> batch, long deadline) {
        List<CompletableFuture<Outcome>> outcomes = new ArrayList<>();
        for (int i = 0; i < batch.size(); i++) {
            HttpRequest request = request((Opener.Submission) batch.get(i));
            CompletableFuture<?> before = i < lanes ? CompletableFuture.completedFuture(null) : outcomes.get(i - lanes);
            outcomes.add(before.thenCompose(done -> send(request, deadline, 0)));
        }
        return CompletableFuture.allOf(outcomes.toArray(CompletableFuture[]::new))
                .thenApply(done -> outcomes.stream().map(CompletableFuture::join).toList());
    }

    private HttpRequest request(Opener.Submission submission) {
        return HttpRequest.newBuilder(uri)
                .header("Authorization", "Bearer " + token)
                .header("Content-Type", "application/json")
                .header("Idempotency-Key", submission.idempotencyKey().toString())
                .POST(HttpRequest.BodyPublishers.ofByteArray(submission.content()))
                .build();
    }

    private CompletableFuture<Outcome> send(HttpRequest request, long deadline, int attempt) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
            return CompletableFuture.completedFuture(Outcome.NEXT_HOP_DOWN);
        }
        // Not beyond the deadline: the node before would give up on this one.
        HttpRequest inTime = HttpRequest.newBuilder(request, (name, value) -> true)
                .timeout(Duration.ofNanos(Math.min(left, ANSWER.toNanos())))
                .build();
        return http.sendAsync(inTime, HttpResponse.BodyHandlers.discarding())
                .handle(this::outcome)
                .thenCompose(outcome -> outcome == Outcome.NEXT_HOP_DOWN
                        ? Retry.later(attempt, () -> send(request, deadline, attempt + 1))
                        : CompletableFuture.completedFuture(outcome));
    }

    private Outcome outcome(@Nullable HttpResponse<Void> response, @Nullable Throwable failure) {
        if (response == null) {
            log.debug("{} does not answer: {}", uri, String.valueOf(failure));
            return Outcome.NEXT_HOP_DOWN;
        }
        int status = response.statusCode();
        if (status == 202) {
            letIn.set(true);
            return Outcome.DELIVERED;
        }
        log.debug("{} answers {}", uri, status);
        if (status == 401 || status == 403) { // The operator's fault, which can be mended while the sender tries again.
            if (letIn.getAndSet(false)) {
                log.error("{} refuses the token of {} with {}: packets are dropped until it takes one", uri, tokenFile, status);
            }
            return Outcome.NEXT_HOP_DOWN;
        }
        return status < 500 && status != 429 ? Outcome.REFUSED_BY_THE_SERVICE : Outcome.NEXT_HOP_DOWN;
    }
}
