package dev.slipway.analysis.worker;

import java.net.URI;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.web.ErrorResponseException;

/** So much waits for the workers that no more is taken in. */
public class QueueFullException extends ErrorResponseException {

    QueueFullException() {
        super(
                HttpStatus.SERVICE_UNAVAILABLE,
                ProblemDetail.forStatusAndDetail(
                        HttpStatus.SERVICE_UNAVAILABLE, "Too much waits to be computed: try again in a minute."),
                null);
        setType(URI.create("urn:problem-type:queue-full"));
        setTitle("The queue is full");
        getHeaders().set(HttpHeaders.RETRY_AFTER, "60");
    }
}
