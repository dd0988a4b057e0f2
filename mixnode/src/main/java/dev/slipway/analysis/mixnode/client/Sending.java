package dev.slipway.analysis.mixnode.client;

import dev.slipway.analysis.mixnode.packet.Sealer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Sends submissions until each is acknowledged, refused or given up. What is sent again is a new packet with the
 * submission's idempotency key, so that it is one analysis however often it arrives.
 */
final class Sending {

    /** @param origin what a message calls it by */
    record Submission(String origin, byte[] content) {}

    /** 400, since no packet of this sender would do; 422, for the service has said so. */
    private static final Set<Integer> FINAL = Set.of(400, 404, 422);

    private static final Duration TIMEOUT = Duration.ofSeconds(150);

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(5)).build();
    private final URI packets;
    private final Sealer sealer;
    private final int inFlight;
    private final Duration giveUpAfter;
    private final Semaphore room;
    private final AtomicInteger delivered = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private final AtomicInteger sentAgain = new AtomicInteger();

    Sending(URI packets, Sealer sealer, int inFlight, Duration giveUpAfter) {
        this.packets = packets;
        this.sealer = sealer;
        this.inFlight = inFlight;
        this.giveUpAfter = giveUpAfter;
        this.room = new Semaphore(inFlight);
    }

    /** @return whether all were delivered */
    boolean send(List<Submission> submissions) throws InterruptedException {
        long start = System.nanoTime();
        ScheduledExecutorService progress = Executors.newSingleThreadScheduledExecutor();
        progress.scheduleAtFixedRate(() -> System.out.println(progress(submissions.size())), 1, 1, TimeUnit.SECONDS);
        try {
            for (Submission submission : submissions) {
                room.acquire();
                deliver(submission, UUID.randomUUID(), System.nanoTime() + giveUpAfter.toNanos(), 100)
                        .whenComplete((nothing, failure) -> {
                            if (failure != null) {
                                fail(submission, String.valueOf(failure.getMessage()));
                            }
                            room.release();
                        });
            }
            room.acquire(inFlight);
        } finally {
            progress.shutdownNow();
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        System.out.printf(
                Locale.ROOT, "%s; %.1f s, %.0f per second%n", progress(submissions.size()), seconds, submissions.size() / seconds);
        return failed.get() == 0;
    }

    private String progress(int all) {
        return delivered + " of " + all + " delivered, " + failed + " failed, " + sentAgain + " sent again";
    }

    private CompletableFuture<Void> deliver(Submission submission, UUID key, long deadline, long retryMillis) {
        byte[] packet;
        try {
            packet = sealer.seal(key, submission.content, Instant.now());
        } catch (IllegalArgumentException e) {
            fail(submission, e.getMessage());
            return CompletableFuture.completedFuture(null);
        }
        HttpRequest request = HttpRequest.newBuilder(packets)
                .timeout(TIMEOUT)
                .header("Content-Type", "application/octet-stream")
                .POST(HttpRequest.BodyPublishers.ofByteArray(packet))
                .build();
        return http.sendAsync(request, HttpResponse.BodyHandlers.ofString())
                .handle((response, failure) -> {
                    if (response != null && response.statusCode() == 204) {
                        delivered.incrementAndGet();
                        return CompletableFuture.<Void>completedFuture(null);
                    }
                    String answer = response == null
                            ? "The entry does not answer: see that it runs (" + failure + ")."
                            : "The entry answers " + response.statusCode() + ": " + response.body();
                    if (response != null && FINAL.contains(response.statusCode()) || System.nanoTime() > deadline) {
                        fail(submission, answer);
                        return CompletableFuture.<Void>completedFuture(null);
                    }
                    sentAgain.incrementAndGet();
                    long wait = retryMillis / 2 + ThreadLocalRandom.current().nextLong(retryMillis);
                    return CompletableFuture.supplyAsync(
                                    () -> deliver(submission, key, deadline, Math.min(2 * retryMillis, 5000)),
                                    CompletableFuture.delayedExecutor(wait, TimeUnit.MILLISECONDS))
                            .thenCompose(sent -> sent);
                })
                .thenCompose(end -> end);
    }

    private void fail(Submission submission, String why) {
        failed.incrementAndGet();
        System.err.println(submission.origin + ": " + why);
    }
}
