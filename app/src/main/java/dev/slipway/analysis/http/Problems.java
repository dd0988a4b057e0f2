package dev.slipway.analysis.http;

import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.TypeMismatchException;
import org.springframework.core.MethodParameter;
import org.springframework.dao.DataAccessResourceFailureException;
import org.springframework.dao.TransientDataAccessException;
import org.springframework.dao.UncategorizedDataAccessException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.http.converter.HttpMessageNotReadableException;
import org.springframework.transaction.CannotCreateTransactionException;
import org.springframework.validation.FieldError;
import org.springframework.web.HttpMediaTypeNotAcceptableException;
import org.springframework.web.HttpMediaTypeNotSupportedException;
import org.springframework.web.HttpRequestMethodNotSupportedException;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.bind.MethodArgumentNotValidException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.method.annotation.HandlerMethodValidationException;
import org.springframework.web.servlet.NoHandlerFoundException;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;
import org.springframework.web.util.DisconnectedClientHelper;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.JacksonIOException;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.databind.exc.UnrecognizedPropertyException;

/** Turns what goes wrong into problem+json: one sentence that says what it is and how to mend it, and no inner detail. */
@RestControllerAdvice
class Problems extends ResponseEntityExceptionHandler {

    private static final Logger log = LoggerFactory.getLogger(Problems.class);

    /** MariaDB's ER_OPTION_PREVENTS_STATEMENT of a read-only server; ER_DISK_FULL, ER_ERROR_ON_WRITE, ER_RECORD_FILE_FULL. */
    private static final Set<Integer> TAKES_NO_WRITES = Set.of(1290, 1021, 1026, 1114);

    static final String SEND_JSON = "Send the body as application/json, and say so in the Content-Type header.";
    static final String SEND_ALL = "The body ended early: send all of it, in the length or the chunks that the header says.";
    static final String SEND_LESS = "The body is longer or deeper than is accepted: send less at once.";

    private static final Map<Class<?>, String> DETAILS = Map.of(
            NoHandlerFoundException.class, "No such path: GET /api/openapi lists the ones there are.",
            HttpMediaTypeNotSupportedException.class, SEND_JSON,
            HttpMediaTypeNotAcceptableException.class, "The answer is application/json: let the Accept header name it, or leave that header out.");

    /** Characters of a request that an answer repeats at most. */
    private static final int QUOTED = 100;

    /** An element of {@code errors} in a problem: what is wrong with one field, parameter or header. */
    record InvalidField(@Nullable String field, @Nullable String message) {}

    /** A problem is answered as one, whatever representation was asked for. */
    static ResponseEntity<ProblemDetail> answer(ProblemDetail problem) {
        return ResponseEntity.status(problem.getStatus()).contentType(MediaType.APPLICATION_PROBLEM_JSON).body(problem);
    }

    @ExceptionHandler({CannotCreateTransactionException.class, DataAccessResourceFailureException.class, TransientDataAccessException.class})
    ResponseEntity<ProblemDetail> handleUnavailable(Exception e) {
        log.error("The database does not answer: {}", e.toString());
        return ResponseEntity.status(HttpStatus.SERVICE_UNAVAILABLE)
                .contentType(MediaType.APPLICATION_PROBLEM_JSON)
                .header(HttpHeaders.RETRY_AFTER, "1")
                .body(ProblemType.UNAVAILABLE.detail("The database does not answer: try again in a moment."));
    }

    /**
     * A database that is being upgraded, or whose disk is full, can be read and not written to; one that is slow ends a statement, and
     * one that is gone is not even rolled back.
     */
    @ExceptionHandler
    ResponseEntity<ProblemDetail> handleUnwilling(UncategorizedDataAccessException e) {
        return e.getMostSpecificCause() instanceof SQLException sql
                        && (TAKES_NO_WRITES.contains(sql.getErrorCode())
                                || sql instanceof SQLTimeoutException
                                || sql.getSQLState() == null) // None: of a closed connection.
                ? handleUnavailable(sql)
                : handleUnexpected(e);
    }

    @ExceptionHandler
    @Nullable ResponseEntity<ProblemDetail> handleUnexpected(Exception e) {
        if (DisconnectedClientHelper.isClientDisconnectedException(e)) {
            return null; // Nobody is left to answer.
        }
        log.error("Unexpected error", e);
        return answer(ProblemType.INTERNAL_ERROR.detail("An unexpected error: report it with its requestId."));
    }

    @Override
    protected ResponseEntity<Object> createResponseEntity(
            @Nullable Object body, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        return ResponseEntity.status(status).headers(headers).contentType(MediaType.APPLICATION_PROBLEM_JSON).body(body);
    }

    @Override
    protected ResponseEntity<Object> handleExceptionInternal(
            Exception e, @Nullable Object body, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        if (status.is5xxServerError()) {
            log.error("Answered by {}", status, e);
        }
        ProblemDetail problem = ProblemType.of(status).describe(problem(e, body, headers, status));
        return super.handleExceptionInternal(e, problem, headers, HttpStatusCode.valueOf(problem.getStatus()), request);
    }

    private static ProblemDetail problem(Exception e, @Nullable Object body, HttpHeaders headers, HttpStatusCode status) {
        if (e instanceof MethodArgumentNotValidException invalid) {
            return invalid(invalid.getFieldErrors().stream().map(Problems::invalidField));
        }
        if (e instanceof HandlerMethodValidationException invalid) {
            return invalid(invalid.getParameterValidationResults().stream()
                    .flatMap(result -> result.getResolvableErrors().stream().map(error -> error instanceof FieldError field
                            ? invalidField(field)
                            : new InvalidField(parameterName(result.getMethodParameter()), error.getDefaultMessage()))));
        }
        if (e instanceof TypeMismatchException mismatch && status.is4xxClientError()) {
            return invalid(Stream.of(new InvalidField(mismatch.getPropertyName(), "must be " + expected(mismatch.getRequiredType()))));
        }
        if (e instanceof HttpMessageNotReadableException) {
            return unreadable(e.getCause());
        }
        if (e instanceof HttpRequestMethodNotSupportedException unsupported) {
            return ProblemDetail.forStatusAndDetail(
                    status, quoted(unsupported.getMethod()) + " is not allowed here: use " + headers.getFirst(HttpHeaders.ALLOW) + ".");
        }
        if (DETAILS.containsKey(e.getClass())) {
            return ProblemDetail.forStatusAndDetail(status, DETAILS.get(e.getClass()));
        }
        Object said = e instanceof ErrorResponseException own ? own.getBody() : body;
        return said instanceof ProblemDetail detail ? detail : ProblemDetail.forStatus(status);
    }

    private static ProblemDetail invalid(Stream<InvalidField> fields) {
        List<InvalidField> errors = fields.toList();
        ProblemDetail problem = ProblemType.INVALID_REQUEST.detail(errors.stream()
                .map(error -> error.field() + " " + error.message())
                .sorted()
                .collect(Collectors.joining(", ", "", ".")));
        problem.setProperty("errors", errors);
        return problem;
    }

    private static InvalidField invalidField(FieldError error) {
        return new InvalidField(error.getField(), error.getDefaultMessage());
    }

    private static ProblemDetail unreadable(@Nullable Throwable cause) {
        if (cause instanceof StrictJson.UnfitNumbers unfit) {
            return invalid(Stream.of(new InvalidField(path(unfit), unfit.getOriginalMessage())));
        }
        if (cause instanceof StreamConstraintsException) {
            return ProblemType.BODY_TOO_LARGE.detail(SEND_LESS);
        }
        if (cause instanceof UnrecognizedPropertyException unknown) {
            return ProblemType.MALFORMED_BODY.detail(
                    "There is no field \"" + quoted(unknown.getPropertyName()) + "\" here: leave it out, or mend its name.");
        }
        if (cause instanceof JacksonIOException) {
            return ProblemType.MALFORMED_BODY.detail(SEND_ALL);
        }
        if (cause instanceof JacksonException json) {
            String what = cause instanceof StreamReadException ? "The body is not valid JSON" : path(json) + " is not of the type that is asked for";
            return ProblemType.MALFORMED_BODY.detail(
                    what + ": see line " + json.getLocation().getLineNr() + ", column " + json.getLocation().getColumnNr() + ".");
        }
        return ProblemType.MALFORMED_BODY.detail("There is no body: send a JSON object.");
    }

    private static String quoted(String text) {
        return text.length() <= QUOTED ? text : text.substring(0, QUOTED) + "...";
    }

    private static String path(JacksonException e) {
        String path = e.getPath().stream()
                .map(reference -> reference.getPropertyName() != null
                        ? "." + reference.getPropertyName()
                        : "[" + reference.getIndex() + "]")
                .collect(Collectors.joining());
        return path.isEmpty() ? "The body" : path.substring(1);
    }

    private static String parameterName(MethodParameter parameter) {
        RequestHeader header = parameter.getParameterAnnotation(RequestHeader.class);
        return header != null ? header.name() : String.valueOf(parameter.getParameterName());
    }

    private static String expected(@Nullable Class<?> type) {
        if (type != null && type.isEnum()) {
            return "one of " + List.of(type.getEnumConstants());
        }
        Map<Class<?>, String> names = Map.of(int.class, "a whole number", UUID.class, "a UUID");
        return names.getOrDefault(type, "of another type");
    }
}
