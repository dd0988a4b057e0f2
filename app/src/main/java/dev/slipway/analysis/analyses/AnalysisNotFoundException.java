package dev.slipway.analysis.analyses;

import java.util.UUID;

/** There is no analysis of this id: it never was, or it has been deleted. */
public class AnalysisNotFoundException extends RuntimeException {

    AnalysisNotFoundException(UUID id) {
        super("There is no analysis " + id + ".");
    }
}
