package dev.slipway.analysis.worker;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import org.hibernate.validator.constraints.time.DurationMax;
import org.hibernate.validator.constraints.time.DurationMin;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.convert.DurationUnit;
import org.springframework.validation.annotation.Validated;

/**
 * How this process works the queue off.
 *
 * @param threads how many threads claim and compute, each one analysis at a time
 * @param lease how long a claim outlives its worker; a living worker renews it. No longer than QueueNotDraining waits
 * @param attempts how many attempts an analysis gets before it is given up
 * @param timeLimit how long a computation may take
 * @param retryDelay how long a failed analysis waits for its second attempt; the wait doubles with each further one
 * @param maxIdle the longest wait between two looks at an empty queue
 * @param retention how long what has finished is kept, in days unless another unit is given; 0 keeps it for ever
 */
@Validated
@ConfigurationProperties("worker")
record WorkerProperties(
        @DefaultValue("2") @Min(1) @Max(64) int threads,
        @DefaultValue("30s") @DurationMin(seconds = 1) @DurationMax(minutes = 5) Duration lease,
        @DefaultValue("3") @Min(1) @Max(100) int attempts,
        @DefaultValue("60s") @DurationMin(seconds = 1) @DurationMax(days = 1) Duration timeLimit,
        @DefaultValue("1s") @DurationMin(millis = 1) @DurationMax(hours = 1) Duration retryDelay,
        @DefaultValue("1s") @DurationMin(millis = 10) @DurationMax(minutes = 1) Duration maxIdle,
        @DefaultValue("30d") @DurationUnit(ChronoUnit.DAYS) @DurationMin @DurationMax(days = 36_500) Duration retention) {

    /** Bytes of heap that one analysis takes while it is computed: as it was read, as numbers, and sorted. */
    private static final long FOOTPRINT = 3 * 8 * 100_000;

    /** @throws IllegalArgumentException if these settings cannot work together, or not in this JVM */
    WorkerProperties {
        check(threads, Runtime.getRuntime().maxMemory());
        if (lease.compareTo(maxIdle) < 0) {
            throw new IllegalArgumentException("worker.lease (%d ms) is shorter than worker.max-idle (%d ms): make it longer."
                    .formatted(lease.toMillis(), maxIdle.toMillis()));
        }
    }

    /** @throws IllegalArgumentException if the threads may need more than half of the heap, in bytes */
    static void check(int threads, long heap) {
        if (threads * FOOTPRINT > heap / 2) {
            throw new IllegalArgumentException(
                    "worker.threads (%d) may need %d MB, more than half of this process' heap of %d MB: use fewer, or raise WORKER_MEMORY."
                            .formatted(threads, threads * FOOTPRINT >> 20, heap >> 20));
        }
    }
}
