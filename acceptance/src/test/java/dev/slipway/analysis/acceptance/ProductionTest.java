package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What production's merged configuration says, and which secrets it refuses to start with. */
@ExtendWith(Docker.class)
class ProductionTest {

    @TempDir
    Path project;

    private Stack stack;

    @BeforeEach
    void prepare() throws IOException {
        stack = Stack.production(project);
    }

    @AfterEach
    void down() {
        stack.close();
    }

    @Test
    void nothingOfDevelopmentIsLeft() {
        stack.with("COMPOSE_FILE", "docker-compose.yml:docker-compose.prod.yml");
        String all = stack.compose("--profile", "*", "config").assertSuccess().text();

        assertThat(stack.compose("config").assertSuccess().text()).doesNotContain("published:"); // The edge's profile does.
        assertThat(all).doesNotContain("target: development", "secrets/dev", "5005", "host_ip", "build:\n      context");
        model().get("services").forEach(service -> assertThat(service.at("/environment/SPRING_PROFILES_ACTIVE").asString(""))
                .doesNotContain("development"));
        model().get("services").forEach(service -> service.path("volumes").forEach(volume -> {
            if (volume.path("type").asString().equals("bind") && !volume.path("target").asString().equals("/backups")) {
                assertThat(volume.path("read_only").asBoolean(false)).as(volume.toString()).isTrue();
                assertThat(volume.path("source").asString()).as(volume.toString()).doesNotContain("/src");
            }
        }));
        List<String> networks = new ArrayList<>(model().at("/services/nginx/networks").propertyNames());
        assertThat(networks).containsExactlyInAnyOrder(Project.NAME + "-net", "nginx_proxy", "way");
    }

    @Test
    void theLimitsFitAHostOfTwoCoresAndFourGigabytes() {
        double cores = 0;
        double bytes = 0;
        for (var service : model().get("services").properties()) {
            if (service.getValue().path("profiles").toString().contains("betanet")) {
                continue; // docker-compose.betanet.yml has the rest of it.
            }
            JsonNode resources = service.getValue().at("/deploy/resources");
            assertThat(resources.at("/limits/pids").asInt()).as(service.getKey()).isPositive();
            assertThat(resources.at("/limits/cpus").asDouble()).as(service.getKey()).isPositive();
            assertThat(resources.at("/reservations/memory").asLong()).as(service.getKey()).isPositive();
            if (!service.getValue().path("restart").asString().equals("no")) { // Those have exited when the others run.
                if (!service.getValue().path("profiles").toString().contains("monitoring")) { // Its limits are for rare peaks.
                    cores += resources.at("/limits/cpus").asDouble();
                }
                bytes += resources.at("/limits/memory").asDouble();
            }
        }

        System.out.printf("Limits of all services of production: %.2f cores without the monitoring, %.0f MB with it%n", cores, bytes / 1024 / 1024);
        assertThat(cores).isLessThan(2);
        assertThat(bytes).isLessThan(4L << 30);
    }

    @ParameterizedTest
    @CsvSource({
        "'', is empty",
        "development-only-db_app, 'is development''s, which everybody knows'",
        "short, has fewer than 20 characters",
        "'saved-on-another-system\r\n', is not one line of plain characters"
    })
    void itDoesNotStartWithASecretThat(String secret, String because) throws IOException {
        Path file = project.resolve("secrets/db_app.txt");
        Files.delete(file);
        Files.writeString(file, secret);

        assertThat(stack.compose("up", "--detach", "--wait", "db").exitCode()).isNotZero();

        assertThat(stack.compose("logs", "db").text())
                .contains("The secret db_app " + because, "un bash scripts/secrets.sh on the host.")
                .doesNotContain("Initializing database");
    }

    @Test
    void itDoesNotStartHalfWithoutASecret() throws IOException {
        Files.delete(project.resolve("secrets/db_app.txt"));

        Docker.Output up = stack.compose("up", "--detach", "db");

        assertThat(up.exitCode()).isNotZero();
        assertThat(up.text()).contains("secrets/db_app.txt");
        assertThat(stack.containers()).isEmpty();
    }

    @Test
    void secretsAreMadeOnceAndClosedToOtherUsers() throws IOException {
        Path secret = project.resolve("secrets/db_root.txt");
        String made = Files.readString(secret);

        stack.script("secrets.sh").assertSuccess();

        assertThat(Files.readString(secret)).isEqualTo(made).matches("[A-Za-z0-9_-]{43}");
        assertThat(mode(project.resolve("secrets"))).isEqualTo("rwx------");
        assertThat(mode(secret)).isEqualTo("r--r--r--");
    }

    private static String mode(Path file) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    }

    private JsonNode model() {
        return new JsonMapper()
                .readTree(stack.compose("--profile", "*", "config", "--format", "json").assertSuccess().text());
    }
}
