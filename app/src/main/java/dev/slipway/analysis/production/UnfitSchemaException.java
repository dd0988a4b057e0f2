package dev.slipway.analysis.production;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** The database's schema is not one from which this version's migrations lead to its own. Its message says why, and the mend. */
class UnfitSchemaException extends RuntimeException {

    UnfitSchemaException(String message) {
        super(message);
    }

    static class Analyzer extends AbstractFailureAnalyzer<UnfitSchemaException> {

        @Override
        protected FailureAnalysis analyze(Throwable root, UnfitSchemaException cause) {
            return new FailureAnalysis(cause.getMessage(), null, cause);
        }
    }
}
