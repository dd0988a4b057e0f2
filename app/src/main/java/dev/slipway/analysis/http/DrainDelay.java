package dev.slipway.analysis.http;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Profile;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Keeps the server open for a moment after readiness went down, and ends each connection with its next answer: none is
 * left by then on which a gateway could send a request that nobody reads. Spring Boot alone would refuse new connections
 * at once, and drop the open ones. The delay must be longer than the gateway keeps an unused connection.
 */
@Component
@Profile("web")
class DrainDelay extends OncePerRequestFilter {

    private final Duration delay;
    private volatile boolean draining;

    DrainDelay(@Value("${web.drain-delay}") Duration delay) {
        this.delay = delay;
    }

    /** Before anything of this service stops. The actuator's own context tells of its end, too. */
    @EventListener(ContextClosedEvent.class)
    void drain() throws InterruptedException {
        if (!draining) {
            draining = true;
            Thread.sleep(delay.toMillis());
        }
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        if (draining) {
            response.setHeader("Connection", "close");
        }
        chain.doFilter(request, response);
    }
}
