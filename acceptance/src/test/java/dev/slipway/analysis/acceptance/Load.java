package dev.slipway.analysis.acceptance;

import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** Clients that submit analyses and read them again, each as fast as the answers come, until {@link #stop}. */
final class Load {

    private final AtomicInteger requests = new AtomicInteger();
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();
    private final Queue<String> accepted = new ConcurrentLinkedQueue<>();
    private final List<Thread> clients = new ArrayList<>();
    private volatile boolean running = true;

    /** What happened: requests sent, those without a good answer, and the names of the analyses that were taken in. */
    record Report(int requests, List<String> failures, List<String> accepted) {}

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
        return new Report(requests.get(), List.copyOf(failures), List.copyOf(accepted));
    }

    private void run(Stack stack, String prefix, int pause) {
        for (int i = 0; running; i++) {
            String name = prefix + i;
            try {
                requests.incrementAndGet();
                HttpResponse<String> submitted = stack.submit(name);
                if (submitted.statusCode() != 202) {
                    failures.add("POST " + submitted.statusCode() + " " + submitted.body());
                    continue;
                }
                accepted.add(name);
                requests.incrementAndGet();
                HttpResponse<String> read = stack.get(submitted.headers().firstValue("Location").orElseThrow());
                if (read.statusCode() != 200) {
                    failures.add("GET " + read.statusCode() + " " + read.body());
                }
            } catch (Exception e) {
                failures.add(e.toString());
            }
            try {
                Thread.sleep(pause);
            } catch (InterruptedException e) {
                return;
            }
        }
    }
}
