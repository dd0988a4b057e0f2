package dev.slipway.analysis.http;

import org.apache.coyote.http11.Http11NioProtocol;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.availability.AvailabilityChangeEvent;
import org.springframework.boot.availability.ReadinessState;
import org.springframework.boot.health.actuate.endpoint.HealthDescriptor;
import org.springframework.boot.health.actuate.endpoint.HealthEndpoint;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.PortInUseException;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.annotation.Profile;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/**
 * Opens the port of the API only once every member of the readiness group is up. The gateway finds an app by its name,
 * ready or not, and goes on to the next one where a connection is refused: one that never becomes ready gets no request.
 */
@Component
@Profile("web")
class ReadyFirst implements WebServerFactoryCustomizer<TomcatServletWebServerFactory> {

    private static final Logger log = LoggerFactory.getLogger(ReadyFirst.class);
    private static final int PAUSE = 100; // ms

    private final ObjectProvider<HealthEndpoint> health;
    private @Nullable Door door;

    ReadyFirst(ObjectProvider<HealthEndpoint> health) {
        this.health = health;
    }

    @Override
    public void customize(TomcatServletWebServerFactory factory) {
        if (factory.getPort() == 0) {
            return; // Its number becomes known by opening it, and nobody asks for it before.
        }
        factory.setProtocol(Door.class.getName());
        factory.addConnectorCustomizers(connector -> door = (Door) connector.getProtocolHandler());
    }

    @EventListener
    void openWhenReady(AvailabilityChangeEvent<ReadinessState> event) throws Exception {
        if (door == null || event.getState() != ReadinessState.ACCEPTING_TRAFFIC) {
            return;
        }
        if (isReady()) {
            door.open();
        } else {
            log.info("Port {} stays closed until the service is ready", door.getPort());
            Thread thread = new Thread(this::waitAndOpen, "ready-first");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void waitAndOpen() {
        try {
            while (door.isWaiting() && !isReady()) {
                Thread.sleep(PAUSE);
            }
            door.open();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Exception e) {
            if (door.isWaiting()) { // And not closed meanwhile.
                log.error("Port {} cannot be opened: see what else uses it", door.getPort(), e);
            }
        }
    }

    private boolean isReady() {
        HealthDescriptor readiness = health.getObject().healthForPath("readiness");
        return readiness != null && Status.UP.equals(readiness.getStatus());
    }

    /** Tomcat's protocol, which binds its port when it is told to instead of when the server starts. */
    public static class Door extends Http11NioProtocol {

        private boolean waiting;

        @Override
        public synchronized void start() {
            waiting = true;
        }

        synchronized boolean isWaiting() {
            return waiting;
        }

        synchronized void open() throws Exception {
            if (!waiting) {
                return;
            }
            try {
                super.start();
            } catch (Exception e) {
                PortInUseException.throwIfPortBindingException(e, this::getPort);
                throw e;
            }
            waiting = false;
            log.info("Port {} is open", getPort());
        }

        @Override
        public synchronized void stop() throws Exception {
            waiting = false;
            super.stop();
        }

        @Override
        public int getLocalPort() {
            return getPort();
        }
    }
}
