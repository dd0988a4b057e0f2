package dev.slipway.analysis.mixnode.node;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** The waits between attempts: they double from 100 ms to 2 s. */
final class Retry {

    private static final long FIRST_MILLIS = 100;
    private static final long LAST_MILLIS = 2000;

    private Retry() {}

    /** Makes a further attempt after a wait, of which half is by chance: not everyone comes at once to a hop that has just started. */
    static <T> CompletableFuture<T> later(int attempt, Supplier<CompletableFuture<T>> next) {
        long millis = Math.min(FIRST_MILLIS << Math.min(attempt, 10), LAST_MILLIS);
        long wait = millis / 2 + ThreadLocalRandom.current().nextLong(millis / 2 + 1);
        return CompletableFuture.supplyAsync(next, CompletableFuture.delayedExecutor(wait, TimeUnit.MILLISECONDS))
                .thenCompose(sent -> sent);
    }
}
