package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Clients that submit analyses, again where no good answer comes, and read them, until {@link #stop}. */
final class Load {

    private final AtomicInteger requests = new AtomicInteger();
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();
    private final Queue<String> accepted = new ConcurrentLinkedQueue<>();
    private final AtomicLong slowest = new AtomicLong();
    private final List<Thread> clients = new ArrayList<>();
    private volatile boolean running = true;

    /** Requests sent, those without a good answer, the names of the analyses that were taken in, and milliseconds. */
    record Report(int requests, List<String> failures, List<String> accepted, long slowest) {

        /** Each analysis that was taken in is done, and there once. */
        void assertNothingIsLostOrDoubled(Stack stack, String name) {
            await().atMost(Duration.ofSeconds(90)).untilAsserted(() -> assertThat(stack.sql(
                            "SELECT name FROM app.analysis WHERE status = 'DONE' AND name LIKE '" + name + "-%'").lines())
                    .doesNotHaveDuplicates()
                    .containsAll(accepted));
        }
    }

    private Load() {}

    /** @param pause milliseconds between a client's requests */
    static Load on(Stack stack, String name, int clients, int pause) {
        Load load = new Load();
        for (int client = 0; client < clients; client++) {
            String prefix = name + "-" + client + "-";
            Thread thread = new Thread(() -> load.run(stack, prefix, pause), prefix);
            thread.setDaemon(true);
            thread.start();
            load.clients.add(thread);
        }
        return load;
    }

    Report stop() throws InterruptedException {
        running = false;
        for (Thread client : clients) {
            client.join();
        }
        return new Report(requests.get(), List.copyOf(failures), List.copyOf(accepted), slowest.get());
    }

    private void run(Stack stack, String prefix, int pause) {
        for (int i = 0; running; i++) {
            String name = prefix + i;
            while (running) { // As a client with an idempotency key should: until it is taken in.
                HttpResponse<String> submitted = sent("POST", () -> sentAgainIfClosed(() -> stack.submit(name)));
                if (submitted != null) {
                    accepted.add(name);
                    sent("GET", () -> stack.get(submitted.headers().firstValue("Location").orElseThrow()));
                    break;
                }
                sleep(100);
            }
            sleep(pause);
        }
    }

    /** As browsers do, and as the key allows: a connection that was kept may be closed just when a request is sent on it. */
    private static HttpResponse<String> sentAgainIfClosed(Callable<HttpResponse<String>> request) throws Exception {
        try {
            return request.call();
        } catch (IOException e) {
            if (!String.valueOf(e.getMessage()).contains("received no bytes")) {
                throw e;
            }
            return request.call();
        }
    }

    /** The answer, or null if it is not a good one or none. */
    private HttpResponse<String> sent(String method, Callable<HttpResponse<String>> request) {
        requests.incrementAndGet();
        long start = System.nanoTime();
        try {
            HttpResponse<String> response = request.call();
            if (response.statusCode() < 300) {
                return response;
            }
            String type = response.headers().firstValue("Content-Type").orElse("");
            failures.add(method + " " + response.statusCode() + " " + type + " " + response.body());
        } catch (Exception e) {
            failures.add(method + " " + e);
        } finally {
            slowest.accumulateAndGet((System.nanoTime() - start) / 1_000_000, Math::max);
        }
        return null;
    }

    private static void sleep(int milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
