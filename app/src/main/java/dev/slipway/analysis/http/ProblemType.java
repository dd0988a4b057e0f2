package dev.slipway.analysis.http;

import java.net.URI;
import java.util.Arrays;
import java.util.Locale;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.ProblemDetail;

/**
 * The kinds of problem that any API answers with, each with a {@code type} that clients may rely on (RFC 9457). What the domain
 * adds, its exceptions say of themselves.
 */
enum ProblemType {
    INVALID_REQUEST(HttpStatus.BAD_REQUEST, "The request is not valid"),
    MALFORMED_BODY(HttpStatus.BAD_REQUEST, "The body cannot be read"),
    NOT_FOUND(HttpStatus.NOT_FOUND, "There is nothing here"),
    METHOD_NOT_ALLOWED(HttpStatus.METHOD_NOT_ALLOWED, "The method is not allowed here"),
    NOT_ACCEPTABLE(HttpStatus.NOT_ACCEPTABLE, "No such representation"),
    BODY_TOO_LARGE(HttpStatus.CONTENT_TOO_LARGE, "The body is too large"),
    UNSUPPORTED_MEDIA_TYPE(HttpStatus.UNSUPPORTED_MEDIA_TYPE, "The media type is not supported"),
    UNAVAILABLE(HttpStatus.SERVICE_UNAVAILABLE, "The service is not available"),
    INTERNAL_ERROR(HttpStatus.INTERNAL_SERVER_ERROR, "Something went wrong");

    private final HttpStatus status;
    private final String title;

    ProblemType(HttpStatus status, String title) {
        this.status = status;
        this.title = title;
    }

    /** The type that speaks for a status: the first one of it, or else the general one of its hundred. */
    static ProblemType of(HttpStatusCode status) {
        return Arrays.stream(values())
                .filter(type -> type.status.isSameCodeAs(status))
                .findFirst()
                .orElse(status.is4xxClientError() ? INVALID_REQUEST : INTERNAL_ERROR);
    }

    URI uri() {
        return URI.create("urn:problem-type:" + name().toLowerCase(Locale.ROOT).replace('_', '-'));
    }

    String title() {
        return title;
    }

    ProblemDetail detail(String detail) {
        return describe(ProblemDetail.forStatusAndDetail(status, detail));
    }

    /** Gives a problem this type and title, unless it has a type of its own; its status and detail stay. */
    ProblemDetail describe(ProblemDetail problem) {
        if (problem.getType() == null) {
            problem.setType(uri());
            problem.setTitle(title);
        }
        RequestId.current().ifPresent(id -> problem.setProperty("requestId", id));
        return problem;
    }
}
