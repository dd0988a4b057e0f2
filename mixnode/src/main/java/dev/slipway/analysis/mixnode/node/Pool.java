package dev.slipway.analysis.mixnode.node;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Where packets wait for each other: they leave in random order when there are enough, or when the first has waited
 * long enough, whichever comes first.
 */
final class Pool<T> {

    private static final SecureRandom RANDOM = new SecureRandom();

    private final int batchSize;
    private final Duration delay;
    private final ScheduledExecutorService timer;
    private final Consumer<List<T>> next;
    private List<T> waiting = new ArrayList<>();
    private ScheduledFuture<?> timeout;

    /** @param next takes each batch, on the thread of whoever completed it */
    Pool(int batchSize, Duration delay, ScheduledExecutorService timer, Consumer<List<T>> next) {
        this.batchSize = batchSize;
        this.delay = delay;
        this.timer = timer;
        this.next = next;
    }

    void add(T item) {
        List<T> batch;
        synchronized (this) {
            waiting.add(item);
            if (waiting.size() < batchSize) {
                if (waiting.size() == 1) {
                    List<T> started = waiting;
                    timeout = timer.schedule(() -> leave(started), delay.toNanos(), TimeUnit.NANOSECONDS);
                }
                return;
            }
            batch = take();
        }
        next.accept(shuffled(batch));
    }

    synchronized int size() {
        return waiting.size();
    }

    private void leave(List<T> started) {
        synchronized (this) {
            if (waiting != started) {
                return; // It was full in the same moment, and has left.
            }
            take();
        }
        next.accept(shuffled(started));
    }

    private List<T> take() {
        List<T> batch = waiting;
        waiting = new ArrayList<>();
        if (timeout != null) {
            timeout.cancel(false);
        }
        return batch;
    }

    static <T> List<T> shuffled(List<T> items) {
        List<T> shuffled = new ArrayList<>(items);
        Collections.shuffle(shuffled, RANDOM);
        return shuffled;
    }
}
