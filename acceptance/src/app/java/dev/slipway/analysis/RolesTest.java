package dev.slipway.analysis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.analysis.database.DatabaseConfiguration;
import dev.slipway.analysis.database.TestDatabase;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.slf4j.LoggerFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.flyway.autoconfigure.FlywayMigrationInitializer;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.test.util.TestSocketUtils;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;

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
        List<String> paths;
        try (ConfigurableApplicationContext web = start("web", "--server.port=0", "--management.server.port=0", "--web.drain-delay=0s")) {
            paths = web.getBean("requestMappingHandlerMapping", RequestMappingHandlerMapping.class).getHandlerMethods().entrySet().stream()
                    .filter(mapping -> mapping.getValue().getBeanType().getPackageName().startsWith(getClass().getPackageName()))
                    .flatMap(mapping -> mapping.getKey().getPatternValues().stream())
                    .filter(path -> path.startsWith("/api/"))
                    .distinct()
                    .toList();
            assertThat(status(web, "/api/test-notes")).isEqualTo(200);
        }
        assertThat(paths).contains("/api/test-notes");
        int port;
        do {
            port = TestSocketUtils.findAvailableTcpPort();
        } while (port >= 32_768); // From there on they are given to connections.
        try (ConfigurableApplicationContext worker = start("worker", "--management.server.port=" + port)) {
            assertThat(status(worker, "/actuator/health/readiness")).isEqualTo(200);
            for (String path : paths) {
                assertThat(status(worker, path.replaceAll("\\{.*?}", "01890000-0000-7000-8000-000000000000"))).as(path).isEqualTo(404);
            }
        }
    }

    @Test
    void withoutADatabaseOneSentenceSaysWhatBringsOne(CapturedOutput output) {
        assertThatThrownBy(() -> SpringApplication.run(Application.class, "--server.port=0", "--management.server.port=0")).isNotNull();

        assertThat(output).contains("No database is configured.", "mvn -f app spring-boot:test-run").doesNotContain("\tat ");
    }

    @Test
    void containersLogEcsWithTheRequestIdAndNoPassword(CapturedOutput output) throws Exception {
        int started;
        LoggingSystem.get(getClass().getClassLoader()).cleanUp(); // Or the log stays as another context has set it up.
        try (ConfigurableApplicationContext web = start(
                "web", "--server.port=0", "--management.server.port=0", "--web.drain-delay=0s", "--logging.structured.format.console=ecs",
                "--logging.level.org.springframework.web=debug")) {
            status(web, "/api/nothing");
            started = output.getOut().length();
            String nuls = "%00".repeat(1_000_000);
            for (String[] hostile : new String[][] {
                {"POST /api/test-notes", "Content-Type: application/x-www-form-urlencoded", "%" + nuls},
                {"PUT /api/test-notes", "Content-Type: application/x-www-form-urlencoded", nuls},
                {"POST /api/test-notes", "Content-Type: multipart/form-data", nuls},
                {"POST /api/test-notes", "Content-Type: application/json", "{\"" + "\\u0000".repeat(8_000) + "\": 1}"},
                {"POST /api/test-notes", "Content-Type: application/json", "\0".repeat(1_000_000)},
                {"GET /api/test-notes?" + "%00".repeat(2_000) + "%", "Cookie: =\0;\"", ""},
                {"GET /api/test-notes?=" + "%00".repeat(2_000), "Accept: " + "/".repeat(5_000), ""},
                {"GET /api/" + "n".repeat(5_000), "Accept: */*", ""},
                {"GET /" + "<".repeat(5_000), "Host: " + "_".repeat(2_000), ""}
            }) {
                assertThat(raw(web, hostile[0], hostile[1], hostile[2])).startsWith("HTTP/1.1 4");
            }
            LoggerFactory.getLogger("test").error("\0".repeat(2_000_000), new IllegalStateException("/\0世".repeat(1_000_000)));
        }
        List<String> written = output.getOut().substring(started).lines().toList();
        assertThat(written).allMatch(line -> line.getBytes(StandardCharsets.UTF_8).length <= 16_000);
        assertThat(written)
                .filteredOn(line -> !line.contains("\"level\":\"DEBUG\""))
                .filteredOn(line -> !line.contains("\"level\":\"INFO\"") || line.contains("stack_trace"))
                .singleElement().asString().contains("\"logger\":\"test\"", "(2000000 characters)");
        assertThat(output.getOut().lines().filter(line -> line.startsWith("{\"@timestamp\"")))
                .isNotEmpty()
                .anyMatch(line -> line.contains("\"ecs\"") && line.contains("\"request\":{\"id\":\"from-test\"}"))
                .anyMatch(line -> line.contains("Refused before it reached the service: 400") && line.contains("\"request\":{\"id\":\""));
        assertThat(output.getAll()).doesNotContain("password=embedded");
    }

    private static ConfigurableApplicationContext start(String role, String... arguments) {
        return new SpringApplicationBuilder(Application.class, DatabaseConfiguration.class)
                .profiles(role, "notes")
                .properties("spring.main.banner-mode=off")
                .run(arguments);
    }

    private static String raw(ConfigurableApplicationContext context, String line, String header, String body) throws Exception {
        int port = context.getEnvironment().getRequiredProperty("local.server.port", int.class);
        try (Socket socket = new Socket("localhost", port)) {
            socket.setSoTimeout(60_000);
            socket.getOutputStream()
                    .write((line + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: " + body.length() + "\r\nAuthorization: "
                                    + Api.authorization(context.getEnvironment()) + "\r\n" + header + "\r\n\r\n" + body)
                            .getBytes(StandardCharsets.ISO_8859_1));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static int status(ConfigurableApplicationContext context, String path) throws Exception {
        String port = context.getEnvironment().getProperty("local.server.port");
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                .header("Authorization", Api.authorization(context.getEnvironment()))
                .header("X-Request-ID", "from-test")
                .build();
        return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
    }
}
