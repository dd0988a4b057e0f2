package dev.slipway.analysis.worker;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import java.time.Duration;
import org.hibernate.validator.constraints.time.DurationMin;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.validation.annotation.Validated;

/**
 * How this process works the queue off.
 *
 * @param threads how many threads claim and compute
 * @param batchSize how many analyses one thread claims at once
 * @param lease how long a claim lasts; a worker that has not finished by then is taken for dead
 * @param attempts how many workers may try an analysis before it is given up
 * @param retryDelay how long a failed analysis waits for its second attempt; the wait doubles with each further one
 * @param maxIdle the longest wait between two looks at an empty queue
 */
@Validated
@ConfigurationProperties("worker")
record WorkerProperties(
        @DefaultValue("2") @Min(1) @Max(64) int threads,
        @DefaultValue("10") @Min(1) @Max(1000) int batchSize,
        @DefaultValue("30s") @DurationMin(seconds = 1) Duration lease,
        @DefaultValue("3") @Min(1) @Max(100) int attempts,
        @DefaultValue("1s") @DurationMin(millis = 1) Duration retryDelay,
        @DefaultValue("1s") @DurationMin(millis = 10) Duration maxIdle) {}
