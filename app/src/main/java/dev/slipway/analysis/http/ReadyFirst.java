package dev.slipway.analysis.http;

import org.apache.catalina.connector.Connector;
import org.apache.coyote.http11.Http11NioProtocol;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.availability.AvailabilityChangeEvent;
import org.springframework.boot.availability.ReadinessState;
import org.springframework.boot.health.actuate.endpoint.HealthDescriptor;
import org.springframework.boot.health.actuate.endpoint.HealthEndpoint;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.PortInUseException;
import org.springframework.boot.web.server.WebServerException;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.ConfigurableApplicationContext;
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

    private final ConfigurableApplicationContext context;
    private @Nullable Connector connector;

    ReadyFirst(ConfigurableApplicationContext context) {
        this.context = context;
    }

    @Override
    public void customize(TomcatServletWebServerFactory factory) {
        if (factory.getPort() == 0) {
            return; // Its number becomes known by opening it, and nobody asks for it before.
        }
        factory.setProtocol(Door.class.getName());
        factory.addConnectorCustomizers(connector -> this.connector = connector);
    }

    @EventListener
    void openWhenReady(AvailabilityChangeEvent<ReadinessState> event) throws Exception {
        if (connector == null || event.getState() != ReadinessState.ACCEPTING_TRAFFIC) {
            return;
        }
        if (isReady()) {
            open();
        } else {
            log.info("Port {} stays closed until the service is ready", connector.getPort());
            Thread thread = new Thread(this::waitAndOpen, "ready-first");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void waitAndOpen() {
        try {
            while (!isReady()) {
                Thread.sleep(PAUSE);
            }
            open();
        } catch (Exception e) {
            if (context.isActive()) {
                log.error("Port {} cannot be opened: see what else uses it", connector.getPort(), e);
            }
        }
    }

    /** By Tomcat's own method: under devtools the class of the door is another one to Tomcat than to this class. */
    private void open() throws Exception {
        connector.getProtocolHandler().resume();
    }

    private boolean isReady() {
        HealthDescriptor readiness = context.getBean(HealthEndpoint.class).healthForPath("readiness"); // Throws once the context is closed.
        return readiness != null && Status.UP.equals(readiness.getStatus());
    }

    /** Tomcat's protocol, which binds its port when it is resumed instead of when the server starts. */
    public static class Door extends Http11NioProtocol {

        private boolean closed;

        @Override
        public synchronized void start() {
            closed = true;
        }

        @Override
        public synchronized void resume() throws Exception {
            if (!closed) {
                super.resume();
                return;
            }
            try {
                super.start();
            } catch (Exception e) {
                PortInUseException.throwIfPortBindingException(e, this::getPort);
                throw new WebServerException("The port " + getPort() + " cannot be opened", e);
            }
            closed = false;
            log.info("Port {} is open", getPort());
        }

        @Override
        public synchronized void stop() throws Exception {
            closed = false;
            super.stop();
        }

        @Override
        public int getLocalPort() {
            return getPort();
        }
    }
}
