package dev.slipway.analysis.analyses;

import java.net.URI;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.web.ErrorResponseException;

/** An {@code Idempotency-Key} came a second time, with another body. */
class IdempotencyKeyReusedException extends ErrorResponseException {

    IdempotencyKeyReusedException() {
        super(
                HttpStatus.UNPROCESSABLE_CONTENT,
                ProblemDetail.forStatusAndDetail(
                        HttpStatus.UNPROCESSABLE_CONTENT,
                        "This Idempotency-Key came with another body before: send that body again, or use a new key."),
                null);
        setType(URI.create("urn:problem-type:idempotency-key-reused"));
        setTitle("The idempotency key was used before");
    }
}
