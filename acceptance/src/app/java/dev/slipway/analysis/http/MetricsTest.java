package dev.slipway.analysis.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.slipway.analysis.Api;
import dev.slipway.analysis.Application;
import dev.slipway.analysis.database.DatabaseConfiguration;
import dev.slipway.analysis.database.TestDatabase;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;

/** What a process tells Prometheus, and whom it sends traces to. */
@ExtendWith(OutputCaptureExtension.class)
class MetricsTest {

    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private static ConfigurableApplicationContext service;

    @BeforeAll
    static void startService() {
        service = start();
    }

    @AfterAll
    static void stop() {
        service.getBean(TestDatabase.class).clear("test_note");
        service.close();
    }

    @Test
    void requestsOfClientsFallIntoBucketsAndEveryLabelIsBounded() {
        request(service, "POST", "/api/test-notes", "{\"name\": \"measured\", \"values\": [1]}");
        for (String path : new String[] {"/api/test-notes/00000000-0000-0000-0000-000000000000", "/api/test-notes/x", "/no/such/path", "/readyz"}) {
            request(service, "GET", path, "");
        }
        request(service, "INVENTED", "/api/test-notes", "");

        assertThat(metrics())
                .containsPattern("http_server_requests_seconds_bucket\\{.*method=\"POST\",.*uri=\"/api/test-notes\",le=\"0.25\"}")
                .contains("uri=\"/api/test-notes/{id}\"", "hikaricp_connections_active")
                .doesNotContain("INVENTED", "00000000", "/no/such/path", "readyz", "uri=\"/actuator");
    }

    @Test
    void tracesAreSentWhereAnEndpointIsSetAndTheLogNamesThem(CapturedOutput output) throws Exception {
        CompletableFuture<String> received = new CompletableFuture<>();
        HttpServer collector = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        collector.createContext("/v1/traces", exchange -> {
            received.complete(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.ISO_8859_1));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        collector.start();
        LoggingSystem.get(getClass().getClassLoader()).cleanUp(); // Or the log stays as another context has set it up.
        try (ConfigurableApplicationContext traced = start(
                "spring.profiles.active=web,notes",
                "management.opentelemetry.tracing.export.otlp.endpoint=http://localhost:" + collector.getAddress().getPort() + "/v1/traces",
                "management.tracing.sampling.probability=1",
                "logging.structured.format.console=ecs",
                "logging.level.org.springframework.web.servlet=debug")) {
            request(traced, "GET", "/api/test-notes", "");

            assertThat(received.get(20, TimeUnit.SECONDS)).contains("http get /api/test-notes");
        } finally {
            collector.stop(0);
        }
        assertThat(output.getOut()).containsPattern("\"trace.id\":\"[0-9a-f]{32}\"");
    }

    private static ConfigurableApplicationContext start(String... properties) {
        return new SpringApplicationBuilder(Application.class, DatabaseConfiguration.class)
                .properties(
                        "spring.main.banner-mode=off",
                        "spring.profiles.active=web,migrate,notes",
                        "web.drain-delay=0s")
                .run(Stream.concat(Stream.of("server.port=0", "management.server.port=0"), Stream.of(properties))
                        .map(property -> "--" + property)
                        .toArray(String[]::new));
    }

    private static String metrics() {
        return send(service, "local.management.port", "GET", "/actuator/prometheus", "");
    }

    private static String request(
            ConfigurableApplicationContext context, String method, String path, String body) {
        return send(context, "local.server.port", method, path, body);
    }

    private static String send(
            ConfigurableApplicationContext context, String port, String method, String path, String body) {
        URI uri = URI.create("http://localhost:" + context.getEnvironment().getProperty(port) + path);
        HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                .header("Authorization", Api.authorization(context.getEnvironment()))
                .header("Content-Type", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(body));
        try {
            return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString()).body();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
