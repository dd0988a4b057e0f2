package dev.slipway.analysis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.database.DatabaseConfiguration;
import dev.slipway.analysis.database.TestDatabase;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.flyway.autoconfigure.FlywayMigrationInitializer;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.test.util.TestSocketUtils;

/** What a process does in each role, started as a container starts it. */
@ExtendWith(OutputCaptureExtension.class)
class RolesTest {

    @Test
    void migrateBringsTheSchemaUpToDateAndServesNothing() {
        try (ConfigurableApplicationContext migrate = start("migrate")) {
            assertThat(migrate.getBean(FlywayMigrationInitializer.class)).isNotNull();
            assertThat(migrate.getBeanNamesForType(DataSource.class)).isEmpty();
            assertThat(migrate.getEnvironment().containsProperty("local.server.port")).isFalse();
            assertThat(migrate.getBean(TestDatabase.class)
                            .sql("SELECT COUNT(*) FROM app.flyway_schema_history WHERE success")
                            .query(int.class)
                            .single())
                    .isPositive();
        }
    }

    @Test
    void webAndWorkerNeverMigrate() {
        for (String role : new String[] {"web", "worker"}) {
            try (ConfigurableApplicationContext context = start(role, "--server.port=0", "--management.server.port=0", "--web.drain-delay=0s")) {
                assertThat(context.getBeanNamesForType(FlywayMigrationInitializer.class)).as(role).isEmpty();
            }
        }
    }

    @Test
    void aWorkerServesItsActuatorAndNoApi() throws Exception {
        int port;
        do {
            port = TestSocketUtils.findAvailableTcpPort();
        } while (port >= 32_768); // From there on they are given to connections.
        try (ConfigurableApplicationContext worker = start("worker", "--management.server.port=" + port)) {
            assertThat(status(worker, "/actuator/health/readiness")).isEqualTo(200);
            assertThat(status(worker, "/api/analyses")).isEqualTo(404);
        }
    }

    @Test
    void containersLogEcsWithTheRequestIdAndNoPassword(CapturedOutput output) throws Exception {
        LoggingSystem.get(getClass().getClassLoader()).cleanUp(); // Or the log stays as another context has set it up.
        try (ConfigurableApplicationContext web = start(
                "web", "--server.port=0", "--management.server.port=0", "--web.drain-delay=0s", "--logging.structured.format.console=ecs",
                "--logging.level.org.springframework.web=debug")) {
            status(web, "/api/nothing");
        }
        assertThat(output.getOut().lines().filter(line -> line.startsWith("{\"@timestamp\"")))
                .isNotEmpty()
                .anyMatch(line -> line.contains("\"ecs\"") && line.contains("\"request\":{\"id\":\"from-test\"}"));
        assertThat(output.getAll()).doesNotContain("password=embedded");
    }

    private static ConfigurableApplicationContext start(String role, String... arguments) {
        return new SpringApplicationBuilder(Application.class, DatabaseConfiguration.class)
                .profiles(role)
                .properties("spring.main.banner-mode=off")
                .run(arguments);
    }

    private static int status(ConfigurableApplicationContext context, String path) throws Exception {
        String port = context.getEnvironment().getProperty("local.server.port");
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                .header("X-Request-ID", "from-test")
                .build();
        return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
    }
}
