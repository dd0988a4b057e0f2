package dev.slipway.analysis.http;

import io.swagger.v3.oas.annotations.Hidden;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;
import org.springframework.boot.tomcat.ConfigurableTomcatWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.boot.webmvc.error.ErrorController;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.NoHandlerFoundException;

/** Answers as a problem what a filter or Tomcat refuses before a controller sees it, and what Tomcat cannot even parse. */
@Hidden
@RestController
class ErrorPage implements ErrorController, WebServerFactoryCustomizer<ConfigurableTomcatWebServerFactory> {

    private static final Logger log = LoggerFactory.getLogger(ErrorPage.class);
    private static final String DETAIL = ErrorPage.class.getName() + ".detail";

    /** Refuses a request from within a filter, which must not go on afterwards. */
    static void send(HttpServletRequest request, HttpServletResponse response, HttpStatus status, String detail) throws IOException {
        request.setAttribute(DETAIL, detail);
        response.sendError(status.value());
    }

    @RequestMapping("${server.error.path:/error}")
    ResponseEntity<ProblemDetail> error(HttpServletRequest request) throws NoHandlerFoundException {
        Integer status = (Integer) request.getAttribute(RequestDispatcher.ERROR_STATUS_CODE);
        if (status == null) { // Asked for by a client, for whom there is nothing.
            throw new NoHandlerFoundException(request.getMethod(), request.getRequestURI(), HttpHeaders.EMPTY);
        }
        HttpStatusCode code = HttpStatusCode.valueOf(status);
        ProblemDetail problem = ProblemType.of(code).describe(ProblemDetail.forStatus(code));
        String detail = (String) request.getAttribute(DETAIL);
        problem.setDetail(detail == null && code.value() == 400 ? Problems.SEND_ALL : detail); // Tomcat's, while it read a body.
        return Problems.answer(problem);
    }

    @Override
    public void customize(ConfigurableTomcatWebServerFactory factory) {
        factory.addConnectorCustomizers(connector -> connector.setParseBodyMethods("")); // The API takes no forms.
        factory.addContextCustomizers(context -> context.getParent().getPipeline().addValve(new Unparsable()));
    }

    private static class Unparsable extends ErrorReportValve {

        @Override
        protected void report(Request request, Response response, Throwable throwable) {
            int status = response.getStatus();
            if (status < 400 || response.getContentWritten() > 0 || !response.setErrorReported()) {
                return;
            }
            ProblemType type = ProblemType.of(HttpStatusCode.valueOf(status));
            String id = RequestId.of(request);
            String detail = status == 400
                    ? "The request line or a header has characters or a form that HTTP does not allow, or Host is missing."
                    : "The server cannot take this request: if it is in order, report it with its requestId.";
            try (MDC.MDCCloseable ignored = MDC.putCloseable(RequestId.MDC_KEY, id)) {
                log.info("Refused before it reached the service: {}", status);
                response.setHeader(RequestId.HEADER, id);
                response.setHeader(HttpHeaders.CACHE_CONTROL, "no-store");
                response.setContentType(MediaType.APPLICATION_PROBLEM_JSON_VALUE);
                response.getReporter().write("{\"type\": \"%s\", \"title\": \"%s\", \"status\": %d, \"detail\": \"%s\", \"requestId\": \"%s\"}"
                        .formatted(type.uri(), type.title(), status, detail, id));
                response.finishResponse();
            } catch (IOException e) {
                log.debug("The client is gone", e);
            }
        }
    }
}
