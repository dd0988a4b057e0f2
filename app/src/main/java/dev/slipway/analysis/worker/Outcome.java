package dev.slipway.analysis.worker;

import dev.slipway.analysis.analyses.Result;
import java.time.Duration;
import java.util.UUID;

/** What a worker has to say of a {@link Job}. */
sealed interface Outcome {

    UUID id();

    record Done(UUID id, Result result) implements Outcome {}

    record Failed(UUID id, String reason) implements Outcome {}

    record Retry(UUID id, Duration delay) implements Outcome {}
}
