package dev.slipway.analysis.http;

import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;
import org.springframework.boot.tomcat.ConfigurableTomcatWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.stereotype.Component;

/** Answers as a problem what Tomcat cannot even parse, such as a path with forbidden characters. */
@Component
class TomcatErrors implements WebServerFactoryCustomizer<ConfigurableTomcatWebServerFactory> {

    private static final Logger log = LoggerFactory.getLogger(TomcatErrors.class);

    @Override
    public void customize(ConfigurableTomcatWebServerFactory factory) {
        factory.addConnectorCustomizers(connector -> connector.setParseBodyMethods("")); // The API takes no forms.
        factory.addContextCustomizers(context -> context.getParent().getPipeline().addValve(new ProblemValve()));
    }

    private static class ProblemValve extends ErrorReportValve {

        @Override
        protected void report(Request request, Response response, Throwable throwable) {
            if (response.getStatus() < 400 || response.getContentWritten() > 0 || !response.setErrorReported()) {
                return;
            }
            ProblemType type = ProblemType.of(HttpStatusCode.valueOf(response.getStatus()));
            String id = RequestId.of(request);
            String detail = response.getStatus() == 400
                    ? "The request line or a header has characters or a form that HTTP does not allow, or Host is missing."
                    : "The server cannot take this request: if it is in order, report it with its requestId.";
            try (MDC.MDCCloseable ignored = MDC.putCloseable(RequestId.MDC_KEY, id)) {
                log.info("Refused before it reached the service: {}", response.getStatus());
                response.setHeader(RequestId.HEADER, id);
                response.setHeader(HttpHeaders.CACHE_CONTROL, "no-store");
                response.setContentType(MediaType.APPLICATION_PROBLEM_JSON_VALUE);
                response.getReporter()
                        .write("{\"type\": \"%s\", \"title\": \"%s\", \"status\": %d, \"detail\": \"%s\", \"requestId\": \"%s\"}"
                                .formatted(type.uri(), type.title(), response.getStatus(), detail, id));
                response.finishResponse();
            } catch (IOException e) {
                log.debug("The client is gone", e);
            }
        }
    }
}
