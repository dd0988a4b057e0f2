package dev.slipway.analysis.worker;

import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a worker has to say of a {@link Job}. */
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
