package dev.slipway.analysis.worker;

import dev.slipway.analysis.StartFailure;
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
 * @param threads how many threads claim and compute, each one job at a time
 * @param lease how long a claim outlives its worker; a living worker renews it. No longer than QueueNotDraining waits
 * @param attempts how many attempts a job gets before it is given up
 * @param timeLimit how long a computation may take
 * @param retryDelay how long a failed job waits for its second attempt; the wait doubles with each further one
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

    /** @throws IllegalArgumentException if these settings cannot work together */
    WorkerProperties {
        if (lease.compareTo(maxIdle) < 0) {
            throw new IllegalArgumentException("worker.lease (%d ms) is shorter than worker.max-idle (%d ms): make it longer."
                    .formatted(lease.toMillis(), maxIdle.toMillis()));
        }
    }

    /**
     * @param footprint bytes of heap that one job takes
     * @param heap bytes of heap that this process has
     * @throws StartFailure if the threads may need more than half of the heap
     */
    static void check(int threads, long footprint, long heap) {
        if (threads * footprint > heap / 2) {
            throw new StartFailure(
                    "worker.threads (%d) may need %d MB, more than half of this process' heap of %d MB: use fewer, or raise WORKER_MEMORY."
                            .formatted(threads, threads * footprint >> 20, heap >> 20),
                    null);
        }
    }
}
