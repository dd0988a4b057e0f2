package dev.slipway.analysis.http;

import io.micrometer.observation.ObservationPredicate;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import org.slf4j.MDC;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.server.observation.ServerRequestObservationContext;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/** Gives every request an id, the gateway's or one of its own, which each log line, problem and response carries. */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE)
class RequestId extends OncePerRequestFilter {

    static final String HEADER = "X-Request-ID";

    /** The field's name in the Elastic Common Schema. */
    static final String MDC_KEY = "http.request.id";

    private static final Pattern VALID = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    /** Measures and traces the requests of clients alone: probes and scrapes would outnumber them. */
    @Bean
    static ObservationPredicate clientsAlone() {
        return (name, context) -> !(context instanceof ServerRequestObservationContext request && isProbe(request.getCarrier().getRequestURI()));
    }

    private static boolean isProbe(String path) {
        return path.startsWith("/actuator/") || path.equals("/livez") || path.equals("/readyz");
    }

    static Optional<String> current() {
        return Optional.ofNullable(MDC.get(MDC_KEY));
    }

    /** The id of a request, the same whenever it is asked for. */
    static String of(HttpServletRequest request) {
        String id = (String) request.getAttribute(MDC_KEY);
        if (id == null) {
            String given = request.getHeader(HEADER);
            id = given != null && VALID.matcher(given).matches() ? given : UUID.randomUUID().toString();
            request.setAttribute(MDC_KEY, id);
        }
        return id;
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        String id = of(request);
        response.setHeader(HEADER, id);
        try (MDC.MDCCloseable ignored = MDC.putCloseable(MDC_KEY, id)) {
            chain.doFilter(request, response);
        }
    }

    /** So that an error that the servlet container reports carries the id, too. */
    @Override
    protected boolean shouldNotFilterErrorDispatch() {
        return false;
    }
}
