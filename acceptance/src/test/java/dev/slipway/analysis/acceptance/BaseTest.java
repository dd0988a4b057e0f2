package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The base layer, looked at from outside. */
@ExtendWith(Docker.class)
class BaseTest {

    private static Stack stack;

    @BeforeAll
    static void up() {
        stack = Stack.of("docker-compose.yml").up();
    }

    @AfterAll
    static void down() {
        if (stack != null) {
            stack.close();
        }
    }

    @Test
    void aSubmissionThroughTheGatewayIsFinished() throws Exception {
        var accepted = stack.submit("through-the-gateway");

        assertThat(accepted.statusCode()).isEqualTo(202);
        String location = accepted.headers().firstValue("Location").orElseThrow();
        await().atMost(Duration.ofSeconds(60)).until(() -> stack.json(location).at("/result/mean").asDouble() == 2.5);
    }

    @Test
    void theGatewayAnswersItsOwnErrorsAsProblemsAndKeepsTheActuatorIn() throws Exception {
        for (String path : new String[] {"/", "/actuator/health", "/api/../actuator/health", "/livez"}) {
            var response = stack.get(path);

            assertThat(response.statusCode()).as(path).isEqualTo(404);
            assertThat(response.headers().firstValue("Content-Type")).hasValue("application/problem+json");
            assertThat(response.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
            assertThat(response.body()).contains("urn:problem-type:not-found", "requestId");
        }
        assertThat(stack.get("/healthz").body()).isEqualTo("ok\n");
    }

    @Test
    void aBodyOverTheLimitIsRefusedAndOneBelowItIsNot() throws Exception {
        String value = "1.5" + "0".repeat(36);
        String values = "[" + (value + ",").repeat(99_999) + value + "]";

        var below = stack.submit("below-the-limit", values);
        var above = stack.submit("above-the-limit", values.replace(value, value + "000"));

        assertThat(below.statusCode()).isEqualTo(202);
        assertThat(above.statusCode()).isEqualTo(413);
        assertThat(above.body()).contains("urn:problem-type:body-too-large", "Send 4 MB at most");
    }

    @Test
    void anAddressThatAClientClaimsIsNotBelieved() throws Exception {
        stack.get("/api/analyses?size=7", "X-Forwarded-For", "203.0.113.7");

        String logged = await().atMost(Duration.ofSeconds(60)).until(
                () -> stack.compose("logs", "--no-log-prefix", "nginx").text().lines().filter(line -> line.contains("size=7")).findFirst().orElse(""),
                line -> !line.isEmpty());
        assertThat(logged).containsPattern("\"client.ip\":\"[0-9a-f.:]+\"").doesNotContain("203.0.113.7");
    }

    @Test
    void aLongAnswerIsCompressedForWhoAsks() throws Exception {
        for (int i = 0; i < 10; i++) {
            stack.submit("compressed-" + i);
        }

        assertThat(stack.get("/api/analyses", "Accept-Encoding", "gzip").headers().firstValue("Content-Encoding")).hasValue("gzip");
        assertThat(stack.get("/api/analyses").headers().firstValue("Content-Encoding")).isEmpty();
    }

    @Test
    void aServiceThatIsGoneIsAnsweredForByTheGateway() throws Exception {
        stack.compose("stop", "app").assertSuccess();
        try {
            var response = stack.get("/api/analyses");

            assertThat(response.statusCode()).isEqualTo(503);
            assertThat(response.headers().firstValue("Content-Type")).hasValue("application/problem+json");
            assertThat(response.body()).contains("urn:problem-type:unavailable");
            assertThat(stack.get("/healthz").statusCode()).isEqualTo(200);
        } finally {
            stack.compose("up", "--detach", "--wait", "--no-recreate", "app").assertSuccess();
        }
    }

    @Test
    void theGatewaysPortIsTheOnlyOneThatIsPublished() {
        Hardening.assertPublished(stack, "0.0.0.0:" + stack.httpPort());
    }

    @Test
    void theGatewayCannotReachTheDatabase() {
        var attempt = stack.compose("exec", "-T", "nginx", "wget", "-T", "3", "-q", "-O", "-", "http://db:3306");

        assertThat(attempt.exitCode()).isNotZero();
        assertThat(attempt.text()).contains("bad address");
    }

    @Test
    void theDatabaseHasNoWayOut() {
        JsonNode networks = Stack.inspect(stack.containers("db").get(0)).at("/NetworkSettings/Networks");

        assertThat(networks.propertyNames()).hasSize(1);
        networks.propertyNames().forEach(network ->
                assertThat(Docker.run("docker", "network", "inspect", "-f", "{{.Internal}}", network).text()).isEqualTo("true\n"));
        assertThat(stack.compose("exec", "-T", "db", "cat", "/proc/net/route").assertSuccess().text())
                .doesNotContainPattern("(?m)^\\S+\t00000000\t"); // A default route.
    }

    @Test
    void theDatabaseReachesNoListenerOfTheHost() throws IOException {
        try (ServerSocket listener = new ServerSocket(0)) {
            List<String> addresses = NetworkInterface.networkInterfaces()
                    .flatMap(NetworkInterface::inetAddresses)
                    .filter(address -> address instanceof Inet4Address && !address.isLoopbackAddress())
                    .map(InetAddress::getHostAddress)
                    .toList();
            assertThat(addresses).isNotEmpty();
            assertThat(stack.compose("exec", "-T", "db", "bash", "-c", "for address in " + String.join(" ", addresses)
                            + "; do if timeout 1 bash -c \"exec 3<> /dev/tcp/$address/" + listener.getLocalPort() + "\" 2> /dev/null; then echo $address; fi; done")
                    .assertSuccess().text()).isEmpty();
        }
    }

    @Test
    void everyContainerIsHardened() {
        Hardening.assertOf(stack);
    }

    @Test
    void noPasswordIsInAnEnvironmentAnImageOrALog() throws Exception {
        Hardening.assertNoSecretIsSeen(stack, Project.FOLDER.resolve("secrets/dev"));
    }

    @Test
    void theJvmAcceptsItsCache() {
        stack.assertJvmAcceptsItsCache("app", "dev.slipway.analysis.HealthCheck");
    }

    @ParameterizedTest
    @ValueSource(strings = {"nginx", "app", "worker", "db"})
    void aRestartedServiceHealsByItself(String service) {
        stack.compose("restart", service).assertSuccess();

        await().atMost(Duration.ofSeconds(60)).ignoreExceptions().until(() -> {
            String location = stack.submit("after-a-restart-of-" + service).headers().firstValue("Location").orElseThrow();
            return stack.json(location).path("status").asString().equals("DONE");
        });
    }

    @Test
    void killingTheWorkerAndTheDatabaseLosesAndDoublesNothing() throws Exception {
        for (int i = 0; i < 200; i++) {
            String name = "killed-" + i;
            if (i == 60) {
                stack.kill("worker");
            }
            if (i == 120) {
                stack.kill("db");
            }
            // A client that gets no 202 sends again, with the same key.
            await().atMost(Duration.ofSeconds(60)).ignoreExceptions().until(() -> stack.submit(name).statusCode() == 202);
        }

        await().atMost(Duration.ofSeconds(90)).ignoreExceptions().untilAsserted(() -> {
            Set<String> names = new TreeSet<>();
            int rows = 0;
            for (int page = 0; page < 3; page++) {
                for (JsonNode item : stack.json("/api/analyses?size=100&sort=name&page=" + page).get("items")) {
                    if (item.get("name").asString().startsWith("killed-")) {
                        rows++;
                        assertThat(item.get("status").asString()).isEqualTo("DONE");
                        names.add(item.get("name").asString());
                    }
                }
            }
            assertThat(rows).isEqualTo(200);
            assertThat(names).hasSize(200);
        });
    }

    @Test
    void scalingSpreadsRequestsWithoutARestartOfTheGateway() throws Exception {
        stack.compose("up", "--detach", "--wait", "--no-recreate", "--scale", "app=3", "--scale", "worker=3").assertSuccess();
        try {
            await().atMost(Duration.ofSeconds(30)).pollInterval(Duration.ofMillis(200)).until(() -> {
                stack.get("/api/analyses");
                return stack.compose("logs", "--no-log-prefix", "--tail", "60", "nginx").text().lines()
                                .filter(line -> line.contains("upstream.address"))
                                .map(line -> line.replaceAll(".*\"upstream.address\":\"([^\"]*)\".*", "$1"))
                                .filter(address -> address.matches("[0-9.]+:8080"))
                                .distinct()
                                .count()
                        >= 3;
            });
        } finally {
            stack.compose("up", "--detach", "--wait", "--no-recreate", "--scale", "app=1", "--scale", "worker=1");
        }
    }
}
