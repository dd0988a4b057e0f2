package dev.slipway.analysis.database;

import org.jspecify.annotations.Nullable;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** The embedded MariaDB cannot start: says why in one sentence, and what to do in another. */
class EmbeddedMariaDbException extends RuntimeException {

    private final String action;

    EmbeddedMariaDbException(String description, String action, @Nullable Throwable cause) {
        super(description, cause);
        this.action = action;
    }

    /** Prints the two sentences in place of a stack trace; registered in {@code META-INF/spring.factories}. */
    static class Analyzer extends AbstractFailureAnalyzer<EmbeddedMariaDbException> {

        @Override
        protected FailureAnalysis analyze(Throwable rootFailure, EmbeddedMariaDbException cause) {
            return new FailureAnalysis(cause.getMessage(), cause.action, cause);
        }
    }
}
