package dev.slipway.analysis.mixnode.client;

import dev.slipway.analysis.mixnode.packet.Sealer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.DelayQueue;
import java.util.concurrent.Delayed;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Sends submissions until each is acknowledged, refused or given up. What is sent again is a new packet with the
 * submission's idempotency key, so that it is one analysis however often it arrives.
 */
final class Sending {

    /** @param origin what a message calls it by */
    record Submission(String origin, byte[] content) {}

    private static final JsonMapper JSON = new JsonMapper();
    private static final int MAX_PACKETS_IN_A_REQUEST = 100;
    private static final long FIRST_WAIT_MILLIS = 100;
    private static final long LAST_WAIT_MILLIS = 5000;

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(5)).build();
    private final DelayQueue<Due> queue = new DelayQueue<>();
    private final AtomicInteger delivered = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private final AtomicInteger sentAgain = new AtomicInteger();
    private final URI packets;
    private final Sealer sealer;
    private final int packetsInARequest;
    private final int requests;
    private final Duration giveUpAfter;

    Sending(URI packets, Sealer sealer, int inFlight, Duration giveUpAfter) {
        this.packets = packets;
        this.sealer = sealer;
        this.packetsInARequest = Math.min(MAX_PACKETS_IN_A_REQUEST, inFlight);
        this.requests = inFlight / packetsInARequest;
        this.giveUpAfter = giveUpAfter;
    }

    /** @return whether all were delivered */
    boolean send(List<Submission> submissions) throws InterruptedException {
        long start = System.nanoTime();
        CountDownLatch left = new CountDownLatch(submissions.size());
        for (int i = 0; i < submissions.size(); i++) {
            // In the order given: each is due a nanosecond after the one before.
            queue.add(new Due(submissions.get(i), UUID.randomUUID(), start + i, 0, 0, left));
        }
        ExecutorService senders = Executors.newFixedThreadPool(requests);
        ScheduledExecutorService progress = Executors.newSingleThreadScheduledExecutor();
        progress.scheduleAtFixedRate(() -> System.out.println(progress(submissions.size())), 1, 1, TimeUnit.SECONDS);
        for (int i = 0; i < requests; i++) {
            senders.execute(this::sendUntilStopped);
        }
        left.await();
        senders.shutdownNow();
        progress.shutdownNow();
        double seconds = (System.nanoTime() - start) / 1e9;
        System.out.printf(
                Locale.ROOT, "%s; %.1f s, %.0f per second%n", progress(submissions.size()), seconds, submissions.size() / seconds);
        return failed.get() == 0;
    }

    private String progress(int all) {
        return delivered + " of " + all + " delivered, " + failed + " failed, " + sentAgain + " sent again";
    }

    private void sendUntilStopped() {
        try {
            while (true) {
                List<Due> some = new ArrayList<>(List.of(queue.take()));
                queue.drainTo(some, packetsInARequest - 1);
                post(some);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // Every submission has its end.
        }
    }

    private void post(List<Due> some) throws InterruptedException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        List<Due> sent = new ArrayList<>();
        for (Due due : some) {
            try {
                body.writeBytes(sealer.seal(due.idempotencyKey, due.submission.content, Instant.now()));
                sent.add(due);
            } catch (IllegalArgumentException e) {
                fail(due, e.getMessage());
            }
        }
        if (sent.isEmpty()) {
            return;
        }
        HttpRequest request = HttpRequest.newBuilder(packets)
                .timeout(giveUpAfter)
                .header("Content-Type", "application/octet-stream")
                .POST(HttpRequest.BodyPublishers.ofByteArray(body.toByteArray()))
                .build();
        long sentAt = System.nanoTime();
        try {
            HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
            String[] reasons = response.statusCode() == 207 ? JSON.readValue(response.body(), String[].class) : null;
            for (int i = 0; i < sent.size(); i++) {
                String reason = reasons == null ? reason(response) : i < reasons.length ? reasons[i] : "";
                end(sent.get(i), reason, response, sentAt);
            }
        } catch (IOException | JacksonException e) {
            sent.forEach(due -> again(due, sentAt, "The entry does not answer: see that it runs (" + e + ")."));
        }
    }

    private static String reason(HttpResponse<String> response) {
        return response.statusCode() == 204 ? "delivered" : JSON.readTree(response.body()).path("reason").asString("");
    }

    private void end(Due due, String reason, HttpResponse<String> response, long sentAt) {
        String answer = "The entry answers " + response.statusCode() + " " + response.body();
        switch (reason) {
            case "delivered" -> {
                delivered.incrementAndGet();
                due.left.countDown();
            }
            case "refused_by_the_service" -> fail(due, "The service refuses it: submit it there directly to read why.");
            case "wrong_size", "not_for_this_key", "too_old" -> fail(due, answer); // No packet of this sender would do.
            default -> again(due, sentAt, answer);
        }
    }

    private void again(Due due, long sentAt, String why) {
        long deadline = due.attempt == 0 ? sentAt + giveUpAfter.toNanos() : due.deadline;
        long now = System.nanoTime();
        if (now >= deadline) {
            fail(due, why);
            return;
        }
        sentAgain.incrementAndGet();
        long wait = Math.min(FIRST_WAIT_MILLIS << Math.min(due.attempt, 10), LAST_WAIT_MILLIS);
        long at = now + TimeUnit.MILLISECONDS.toNanos(wait / 2 + ThreadLocalRandom.current().nextLong(wait));
        queue.add(new Due(due.submission, due.idempotencyKey, at, due.attempt + 1, deadline, due.left));
    }

    private void fail(Due due, String why) {
        failed.incrementAndGet();
        System.err.println(due.submission.origin + ": " + why);
        due.left.countDown();
    }

    /** A submission and when to send it next; the deadline begins with the first attempt. */
    private record Due(Submission submission, UUID idempotencyKey, long at, int attempt, long deadline, CountDownLatch left)
            implements Delayed {

        @Override
        public long getDelay(TimeUnit unit) {
            return unit.convert(at - System.nanoTime(), TimeUnit.NANOSECONDS);
        }

        @Override
        public int compareTo(Delayed other) {
            return Long.compare(at - ((Due) other).at, 0);
        }
    }
}
