package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Hop;
import dev.slipway.analysis.mixnode.packet.Opener;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The next node or the service, over connections that are kept open. What it does not answer or is too busy for is sent again. */
final class HttpHop implements NextHop {

    private static final Logger log = LoggerFactory.getLogger(HttpHop.class);
    private static final long FIRST_RETRY_MILLIS = 100;
    private static final long LAST_RETRY_MILLIS = 2000;

    /** An answer comes when the nodes behind have mixed, delivered and perhaps waited for a restart: the later, the further it is. */
    private static final Map<Hop, Duration> TIMEOUT =
            Map.of(Hop.ENTRY, Duration.ofSeconds(110), Hop.MIDDLE, Duration.ofSeconds(70), Hop.EXIT, Duration.ofSeconds(15));

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(2)).build();
    private final URI uri;
    private final Duration timeout;
    private final int lanes;

    HttpHop(NodeProperties properties) {
        Hop hop = properties.hop();
        this.uri = properties.nextHop(hop == Hop.EXIT ? "/api/analyses" : "/packets");
        this.timeout = TIMEOUT.get(hop);
        this.lanes = hop == Hop.EXIT ? properties.deliveryLanes() : Integer.MAX_VALUE;
    }

    @Override
    public int lanes() {
        return lanes;
    }

    @Override
    public CompletableFuture<Outcome> send(Opener.Opened opened, long deadline) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(timeout);
        if (opened instanceof Opener.Submission submission) {
            request.header("Content-Type", "application/json")
                    .header("Idempotency-Key", submission.idempotencyKey().toString())
                    .POST(HttpRequest.BodyPublishers.ofByteArray(submission.content()));
        } else {
            request.header("Content-Type", "application/octet-stream")
                    .POST(HttpRequest.BodyPublishers.ofByteArray(((Opener.Relayed) opened).packet()));
        }
        return send(request.build(), deadline, FIRST_RETRY_MILLIS);
    }

    private CompletableFuture<Outcome> send(HttpRequest request, long deadline, long retryMillis) {
        if (System.nanoTime() >= deadline) {
            return CompletableFuture.completedFuture(Outcome.NEXT_HOP_DOWN);
        }
        return http.sendAsync(request, HttpResponse.BodyHandlers.discarding())
                .handle((response, failure) -> outcome(response, failure))
                .thenCompose(outcome -> {
                    if (outcome != null) {
                        return CompletableFuture.completedFuture(outcome);
                    }
                    // Half of the wait is by chance, so that not everything comes at once to a hop that has just started.
                    long wait = retryMillis / 2 + ThreadLocalRandom.current().nextLong(retryMillis / 2 + 1);
                    Executor later = CompletableFuture.delayedExecutor(wait, TimeUnit.MILLISECONDS, Runnable::run);
                    return CompletableFuture.supplyAsync(
                                    () -> send(request, deadline, Math.min(2 * retryMillis, LAST_RETRY_MILLIS)), later)
                            .thenCompose(sent -> sent);
                });
    }

    /** @return null if another attempt may help */
    private @Nullable Outcome outcome(@Nullable HttpResponse<Void> response, @Nullable Throwable failure) {
        if (response == null) {
            log.debug("{} does not answer: {}", uri, String.valueOf(failure));
            return null;
        }
        int status = response.statusCode();
        if (status >= 200 && status < 300) {
            return Outcome.DELIVERED;
        }
        log.debug("{} answers {}", uri, status);
        if (status == 503 || status == 429) {
            return null;
        }
        if (lanes == Integer.MAX_VALUE) {
            return status == 422 ? Outcome.REFUSED_BY_THE_SERVICE : Outcome.REFUSED_BY_THE_NEXT_HOP;
        }
        return status < 500 ? Outcome.REFUSED_BY_THE_SERVICE : null;
    }
}
