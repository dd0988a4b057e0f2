package dev.slipway.analysis.mixnode.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PoolTest {

    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
    private final BlockingQueue<List<Integer>> batches = new LinkedBlockingQueue<>();

    @AfterEach
    void stop() {
        timer.shutdownNow();
    }

    @Test
    void aFullBatchLeavesAtOnceAndWhole() throws Exception {
        Pool<Integer> pool = pool(5, Duration.ofHours(1));

        add(pool, 12);

        assertThat(batches.poll(1, TimeUnit.SECONDS)).containsExactlyInAnyOrder(0, 1, 2, 3, 4);
        assertThat(batches.poll(1, TimeUnit.SECONDS)).containsExactlyInAnyOrder(5, 6, 7, 8, 9);
        assertThat(batches).isEmpty();
        assertThat(pool.size()).isEqualTo(2);
    }

    @Test
    void aBatchThatDoesNotFillLeavesWhenItsFirstHasWaitedLongEnough() throws Exception {
        Pool<Integer> pool = pool(5, Duration.ofSeconds(1));
        long start = System.nanoTime();

        add(pool, 3);

        assertThat(batches.poll(5, TimeUnit.SECONDS)).containsExactlyInAnyOrder(0, 1, 2);
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThanOrEqualTo(Duration.ofSeconds(1));
        assertThat(pool.size()).isZero();
    }

    @Test
    void theTimeOfOneBatchIsNotTheNextOnes() throws Exception {
        Pool<Integer> pool = pool(2, Duration.ofSeconds(2));
        add(pool, 1);
        Thread.sleep(500);
        long start = System.nanoTime();
        add(pool, 2); // The first of these fills a batch, the second begins one.

        assertThat(batches.poll(10, TimeUnit.SECONDS)).hasSize(2);
        assertThat(batches.poll(10, TimeUnit.SECONDS)).hasSize(1);
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThanOrEqualTo(Duration.ofSeconds(2));
    }

    /** Each of n places in gets each of n places out equally often: the statistic is chi-square distributed, (n-1)^2 degrees. */
    @Test
    void thePlaceOutSaysNothingAboutThePlaceIn() throws Exception {
        int n = 20;
        int rounds = 20_000;
        Pool<Integer> pool = pool(n, Duration.ofHours(1));
        long[][] count = new long[n][n];
        for (int round = 0; round < rounds; round++) {
            add(pool, n);
            List<Integer> batch = batches.take();
            for (int out = 0; out < n; out++) {
                count[batch.get(out)][out]++;
            }
        }

        double expected = (double) rounds / n;
        double chiSquare = 0;
        for (long[] row : count) {
            for (long cell : row) {
                chiSquare += (cell - expected) * (cell - expected) / expected;
            }
        }
        chiSquare *= (n - 1.0) / n; // For no round puts two items in one place.
        int degrees = (n - 1) * (n - 1);
        assertThat(chiSquare).isBetween(degrees - 5 * Math.sqrt(2.0 * degrees), degrees + 5 * Math.sqrt(2.0 * degrees));
    }

    private Pool<Integer> pool(int batchSize, Duration delay) {
        return new Pool<>(batchSize, delay, timer, batch -> batches.add(new ArrayList<>(batch)));
    }

    private static void add(Pool<Integer> pool, int items) {
        for (int i = 0; i < items; i++) {
            pool.add(i);
        }
    }
}
