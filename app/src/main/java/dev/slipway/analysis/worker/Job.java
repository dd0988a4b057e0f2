package dev.slipway.analysis.worker;

import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A job that a worker has claimed.
 *
 * @param owner the claim's own name, so that nobody takes a later claim of the same job for this one
 * @param attempt which attempt this is, from 1
 * @param endedItsWorker whether the worker before, which computed nothing else, did not come back
 * @param input as stored; null if it is gone
 */
record Job(UUID id, String owner, int attempt, boolean endedItsWorker, byte @Nullable [] input) {

    /** What a worker has to say of a job. */
    sealed interface Outcome {

        /** @param columns what is written into the job's row: its columns and their values */
        record Done(Map<String, Object> columns) implements Outcome {}

        /** @param reason cut to what its column holds */
        record Failed(@Nullable String reason) implements Outcome {

            private static final int LONGEST = 500;

            public Failed {
                if (reason != null && reason.length() > LONGEST) {
                    int end = LONGEST - 1;
                    reason = reason.substring(0, Character.isHighSurrogate(reason.charAt(end - 1)) ? end - 1 : end) + "…";
                }
            }
        }

        record Retry(Duration delay) implements Outcome {}
    }
}
