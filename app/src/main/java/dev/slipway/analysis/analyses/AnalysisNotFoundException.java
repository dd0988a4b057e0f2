package dev.slipway.analysis.analyses;

import java.util.UUID;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.web.ErrorResponseException;

/** There is no analysis of this id: it never was, or it has been deleted. */
class AnalysisNotFoundException extends ErrorResponseException {

    AnalysisNotFoundException(UUID id) {
        super(
                HttpStatus.NOT_FOUND,
                ProblemDetail.forStatusAndDetail(HttpStatus.NOT_FOUND, "There is no analysis " + id + "."),
                null);
    }
}
