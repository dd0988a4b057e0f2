package dev.slipway.analysis.analyses;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.Application;
import dev.slipway.analysis.database.DatabaseConfiguration;
import dev.slipway.analysis.database.TestDatabase;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.SmartLifecycle;

/** What the web role and the worker tell Prometheus of the analyses. */
class MeteredAnalysesTest {

    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private static ConfigurableApplicationContext service;

    @BeforeAll
    static void start() {
        service = start("worker.max-idle=100ms");
    }

    @AfterEach
    void clear() {
        service.getBean(TestDatabase.class).clear("analysis");
    }

    @AfterAll
    static void stop() {
        service.close();
    }

    @Test
    void submissionsAndWhatBecomesOfThemAreCountedOnce() {
        double submitted = value("jobs_submitted_total");
        double finished = value("jobs_finished_total");
        double failed = value("jobs_failed_total");
        double computed = value("jobs_duration_seconds_count");

        submit("done", "[1, 2, 3]");
        submit("done", "[1, 2, 3]");
        submit("failed", "[-1e308, 1e308]");

        eventually("jobs_submitted_total", submitted + 2);
        eventually("jobs_finished_total", finished + 1);
        eventually("jobs_failed_total", failed + 1);
        eventually("jobs_duration_seconds_count", computed + 2);
        assertThat(value("jobs_duration_seconds_sum")).isPositive();
        assertThat(value("jobs_duration_seconds_max")).isPositive();
        eventually("queue_depth", 0);
        eventually("worker_threads", 2);
    }

    @Test
    void anAnalysisTakenOverFromADeadWorkerIsCounted() {
        double finished = value("jobs_finished_total");
        double expired = value("jobs_leases_expired_total");
        submit("orphaned", "[1]");
        eventually("jobs_finished_total", finished + 1);

        database("INSERT INTO analysis_values SELECT id, REPEAT('1', 8) FROM analysis");
        database("UPDATE analysis SET status = 'RUNNING', due_at = UTC_TIMESTAMP(6), lease_owner = 'dead', attempts = 1");

        eventually("jobs_leases_expired_total", expired + 1);
        eventually("jobs_finished_total", finished + 2);
    }

    @Test
    void theQueueIsMeasuredWhereNoWorkerIs() {
        SmartLifecycle worker = (SmartLifecycle) service.getBean("worker");
        worker.stop();
        try (ConfigurableApplicationContext web = start("spring.profiles.active=web", "queue.max-jobs=2")) {
            request(web, "POST", "/api/analyses", "{\"name\": \"waiting\", \"values\": [1]}", "Idempotency-Key", "known");
            database("UPDATE analysis SET due_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR WHERE name = 'waiting'");
            database("INSERT INTO analysis (id, name, status, created_at, due_at)"
                    + " VALUES ('0123456789abcdef', 'retried', 'QUEUED', UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE, UTC_TIMESTAMP(6))");

            await().atMost(Duration.ofSeconds(20)).pollInterval(Duration.ofSeconds(1)).untilAsserted(() -> {
                assertThat(value(web, "queue_depth")).isEqualTo(1);
                assertThat(value(web, "queue_oldest_seconds")).isBetween(60.0, 90.0);
                assertThat(value(web, "queue_fill")).isEqualTo(1);
            });
            assertThat(request(web, "POST", "/api/analyses", "{\"name\": \"one too many\", \"values\": [1]}")).contains("urn:problem-type:queue-full");
            String waiting = request(web, "GET", "/api/analyses", "");
            assertThat(waiting).contains("waiting").doesNotContain("one too many");
            assertThat(request(web, "POST", "/api/analyses", "{\"name\": \"waiting\", \"values\": [1]}", "Idempotency-Key", "known"))
                    .as("a repetition needs no room")
                    .contains("\"status\":\"QUEUED\"");
        } finally {
            worker.start();
        }
    }

    @Test
    void whereNothingWaitsNothingIsFull() {
        database("DELETE FROM analysis");
        // An empty table's first page takes that much.
        try (ConfigurableApplicationContext web = start("spring.profiles.active=web", "queue.max-size=16KB")) {
            await().atMost(Duration.ofSeconds(20)).pollInterval(Duration.ofSeconds(1))
                    .untilAsserted(() -> assertThat(value(web, "queue_fill")).isZero());
        }
    }

    private static ConfigurableApplicationContext start(String... properties) {
        return new SpringApplicationBuilder(Application.class, DatabaseConfiguration.class)
                .properties("spring.main.banner-mode=off", "spring.profiles.active=web,worker,migrate", "web.drain-delay=0s")
                .run(Stream.concat(Stream.of("server.port=0", "management.server.port=0"), Stream.of(properties))
                        .map(property -> "--" + property)
                        .toArray(String[]::new));
    }

    private static void submit(String name, String values) {
        request(service, "POST", "/api/analyses", "{\"name\": \"" + name + "\", \"values\": " + values + "}", "Idempotency-Key", name);
    }

    private static void eventually(String metric, double expected) {
        await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> assertThat(value(metric)).as(metric).isEqualTo(expected));
    }

    private static double value(String metric) {
        return value(service, metric);
    }

    private static double value(ConfigurableApplicationContext context, String metric) {
        return metrics(context)
                .lines()
                .filter(line -> line.startsWith(metric + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(metric.length() + 1)))
                .findFirst()
                .orElse(Double.NaN);
    }

    private static String metrics() {
        return metrics(service);
    }

    private static String metrics(ConfigurableApplicationContext context) {
        return send(context, "local.management.port", "GET", "/actuator/prometheus", "");
    }

    private static String request(
            ConfigurableApplicationContext context, String method, String path, String body, String... headers) {
        return send(context, "local.server.port", method, path, body, headers);
    }

    private static String send(
            ConfigurableApplicationContext context, String port, String method, String path, String body, String... headers) {
        URI uri = URI.create("http://localhost:" + context.getEnvironment().getProperty(port) + path);
        HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                .header("Authorization", Api.authorization(context.getEnvironment()))
                .header("Content-Type", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        try {
            return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString()).body();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void database(String sql) {
        service.getBean(TestDatabase.class).sql(sql).update();
    }
}
