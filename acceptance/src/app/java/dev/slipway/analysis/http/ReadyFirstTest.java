package dev.slipway.analysis.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.slipway.analysis.Application;
import dev.slipway.analysis.database.DatabaseConfiguration;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.test.util.TestSocketUtils;

class ReadyFirstTest {

    private final HttpClient http = HttpClient.newHttpClient();
    private final AtomicReference<Health> member = new AtomicReference<>(Health.down().build());

    @Test
    void theApisPortIsClosedUntilEveryMemberOfReadinessIsUp() throws Exception {
        int port;
        do {
            port = TestSocketUtils.findAvailableTcpPort();
        } while (port >= 32_768); // From there on they are given to connections.
        String api = "http://localhost:" + port + "/readyz";
        try (ConfigurableApplicationContext service = new SpringApplicationBuilder(Application.class, DatabaseConfiguration.class)
                .profiles("web", "migrate")
                .initializers(context -> ((GenericApplicationContext) context)
                        .registerBean("member", HealthIndicator.class, () -> member::get))
                .run(
                        "--server.port=" + port, "--management.server.port=0", "--web.drain-delay=0s",
                        "--management.endpoint.health.group.readiness.include=readinessState,db,member")) {
            String management = "http://localhost:" + service.getEnvironment().getProperty("local.management.port") + "/actuator/health/";

            assertThatThrownBy(() -> status(api)).isInstanceOf(ConnectException.class);
            assertThat(status(management + "liveness")).isEqualTo(200);
            assertThat(status(management + "readiness")).isEqualTo(503);

            member.set(Health.up().build());
            await().atMost(Duration.ofMinutes(1)).ignoreExceptionsInstanceOf(ConnectException.class).until(() -> status(api) == 200);

            member.set(Health.down().build());
            assertThat(status(api)).isEqualTo(503); // Open it stays: who is connected gets an answer.
        }
        assertThatThrownBy(() -> status(api)).isInstanceOf(ConnectException.class);
    }

    private int status(String url) throws Exception {
        return http.send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.discarding()).statusCode();
    }
}
