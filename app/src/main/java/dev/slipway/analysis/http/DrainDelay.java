package dev.slipway.analysis.http;

import java.time.Duration;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.web.server.context.WebServerGracefulShutdownLifecycle;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.Profile;
import org.springframework.stereotype.Component;

/**
 * Keeps the server open for a moment after readiness went down, so that a gateway sees it and sends no more. Spring
 * Boot alone would refuse new connections at once.
 */
@Component
@Profile("web")
class DrainDelay implements SmartLifecycle {

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

    /** Lifecycles stop from the highest phase down: this one comes before the web server's. */
    @Override
    public int getPhase() {
        return WebServerGracefulShutdownLifecycle.SMART_LIFECYCLE_PHASE + 1;
    }
}
