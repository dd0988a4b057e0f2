package dev.slipway.analysis.http;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.web.server.context.WebServerApplicationContext;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.Profile;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Keeps the server open for a moment after readiness went down, and ends each connection with its next answer: none is
 * left by then on which a gateway could send a request that nobody reads. Spring Boot alone would refuse new connections
 * at once, and drop the open ones. The delay must be longer than the gateway keeps an unused connection.
 */
@Component
@Profile("web")
class DrainDelay extends OncePerRequestFilter implements SmartLifecycle {

    private final Duration delay;
    private volatile boolean running;

    DrainDelay(@Value("${web.drain-delay}") Duration delay) {
        this.delay = delay;
    }

    @Override
    public void start() {
        running = true;
    }

    @Override
    public void stop() {
        running = false;
        try {
            Thread.sleep(delay.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        if (!running) {
            response.setHeader("Connection", "close");
        }
        chain.doFilter(request, response);
    }

    /** Lifecycles stop from the highest phase down: this one comes before the web server's. */
    @Override
    public int getPhase() {
        return WebServerApplicationContext.GRACEFUL_SHUTDOWN_PHASE + 1;
    }
}
