package dev.slipway.analysis.production;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** A secret that is not fit for production. Its message names the secret and never holds it. */
class InsecureSecretException extends RuntimeException {

    InsecureSecretException(String message) {
        super(message);
    }

    static class Analyzer extends AbstractFailureAnalyzer<InsecureSecretException> {

        @Override
        protected FailureAnalysis analyze(Throwable root, InsecureSecretException cause) {
            return new FailureAnalysis(cause.getMessage(), "Run bash scripts/secrets.sh on the host, which makes what is missing.", cause);
        }
    }
}
