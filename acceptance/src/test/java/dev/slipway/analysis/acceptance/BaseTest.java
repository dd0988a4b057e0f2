package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The base layer, looked at from outside. */
@ExtendWith(Docker.class)
class BaseTest {

    private static final String END = " HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n";
    private static final Map<String, Integer> REFUSED = Map.ofEntries(
            Map.entry("TRACE /api/analyses" + END + "\r\n", 405),
            Map.entry("CONNECT example.test:80" + END + "\r\n", 405),
            Map.entry("GET /healthz" + END + "If-Match: \"a\"\r\n\r\n", 412),
            Map.entry("GET /healthz" + END + "If-Unmodified-Since: Sat, 28 Nov 2020 00:00:00 GMT\r\n\r\n", 412),
            Map.entry("POST /api/analyses" + END + "Transfer-Encoding: gzip\r\n\r\n", 501),
            Map.entry("POST /api/analyses" + END + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400),
            Map.entry("POST /api/analyses" + END + "Content-Length: 4194305\r\n\r\n", 413),
            Map.entry("GET /api/analyses" + END + "Content-Length: 20000\r\n\r\n", 413),
            Map.entry("GET /api/analyses HTTP/3.0\r\n\r\n", 505),
            Map.entry("GET /api/analyses HTTP/1.1\r\n\r\n", 400),
            Map.entry("GET /api/analyses HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n", 400),
            Map.entry("GET /api/%zz" + END + "\r\n", 400),
            Map.entry("GET /" + "a".repeat(9000) + END + "\r\n", 414),
            Map.entry("GET /api/analyses" + END + "X: " + "a".repeat(9000) + "\r\n\r\n", 400),
            Map.entry("\u0016\u0003\u0001\u0002\r\n\r\n", 400));

    private static Stack stack;

    @TempDir
    static Path layer;

    /** With IPv6 on the gateway's network, as the daemon can make it the default. */
    @BeforeAll
    static void up() throws IOException {
        Path ipv6 = layer.resolve("ipv6.yml");
        String subnet = "fd00:" + Integer.toHexString(ThreadLocalRandom.current().nextInt(1, 0x10000)) + "::/64";
        Files.writeString(ipv6, "networks: {" + Project.NAME + "-net: {enable_ipv6: true, ipam: {config: [{subnet: '" + subnet + "'}]}}}\n");
        stack = Stack.of("docker-compose.yml", ipv6.toString()).up();
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
    void aStrangerIsToldWhatToShowAndATokenInAPathIsRefusedAndInNoLog() throws Exception {
        var stranger = stack.getAs(null, "/api/analyses");
        var leaked = stack.get("/api/analyses?key=" + stack.token());

        assertThat(stranger.statusCode()).isEqualTo(401);
        assertThat(stranger.headers().firstValue("WWW-Authenticate")).hasValue("Bearer");
        assertThat(stranger.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        assertThat(stranger.body()).contains("urn:problem-type:unauthenticated");
        assertThat(leaked.statusCode()).isEqualTo(401);
        assertThat(leaked.body()).contains("revoke this one");
        await().atMost(Duration.ofSeconds(60)).until(() -> stack.compose("logs", "nginx").text().contains("/api/analyses?key="));
        assertThat(stack.compose("logs").text()).contains("Refused, leaked").doesNotContain(stack.token());
    }

    @Test
    void theGatewayAnswersItsOwnErrorsAsProblemsAndKeepsTheActuatorIn() throws Exception {
        for (String path : new String[] {"/api", "/page", "/error", "/actuator/health", "/api/../actuator/health", "/livez", "/readyz/app", "/api/..;/livez",
            "/api/..;a=b/actuator/health", "/api/%2e%2e/livez", "/api//../livez"}) {
            var response = stack.get(path);

            assertThat(response.statusCode()).as(path).isEqualTo(404);
            assertThat(response.headers().firstValue("Content-Type")).hasValue("application/problem+json");
            assertThat(response.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
            assertThat(response.body()).contains("urn:problem-type:not-found", "requestId");
        }
        assertThat(stack.get("/healthz").body()).isEqualTo("ok\n");
        assertThat(stack.get("/readyz").body()).isEqualTo("# ready\n");
    }

    @Test
    void whatTheGatewayRefusesByItselfIsAProblemWithTheIdThatItsLogHas() throws Exception {
        List<String> ids = new ArrayList<>();
        for (Map.Entry<String, Integer> refused : REFUSED.entrySet()) {
            var answer = Raw.ask("127.0.0.1", Integer.parseInt(stack.httpPort()), refused.getKey());

            String request = refused.getKey().lines().findFirst().orElse("");
            assertThat(answer.status()).as(request).isEqualTo(refused.getValue());
            assertThat(answer.isProblem()).as(request).isTrue();
            assertThat(answer.headers().get("cache-control")).as(request).isEqualTo("no-store");
            assertThat(answer.body()).as(request).contains("\"status\":" + refused.getValue(), "\"detail\":\"");
            assertThat(answer.headers().get("x-request-id")).as(request).hasSize(32).isEqualTo(answer.requestId());
            assertThat(answer.closed()).as(request).isTrue();
            ids.add(answer.requestId());
        }
        await().atMost(Duration.ofSeconds(60)).untilAsserted(
                () -> assertThat(stack.compose("logs", "--no-log-prefix", "nginx").text()).contains(ids));
        // HTTP/0.9 has no header: of its answer the body is all.
        assertThat(Raw.ask("127.0.0.1", Integer.parseInt(stack.httpPort()), "GET /nothing\r\n").body()).contains("urn:problem-type:not-found");
    }

    @ParameterizedTest
    @ValueSource(strings = {"HTTP/1.1\r\nHost: my_host:8881", "HTTP/1.1\r\nHost: project-2_nginx", "HTTP/1.1\r\nHost: [::1]", "HTTP/1.0", "HTTP/1.1\r\nHost: a.example."})
    void everyHostIsServed(String host) throws Exception {
        var answer = Raw.ask("127.0.0.1", Integer.parseInt(stack.httpPort()), "POST /api/analyses " + host
                + "\r\nConnection: close\r\nAuthorization: Bearer " + stack.token()
                + "\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n{\"name\": \"host\", \"values\":[1]}");

        assertThat(answer.status()).as(answer.body()).isEqualTo(202);
        assertThat(answer.headers().get("location")).startsWith("/api/analyses/");
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
    void ofSlowUploadsAClientHasFourAndWhatIsSmallIsServedBesideThem() throws Exception {
        List<Socket> uploads = new ArrayList<>();
        try {
            for (int i = 0; i < 12; i++) {
                Socket upload = Raw.connect("127.0.0.1", Integer.parseInt(stack.httpPort()), false);
                upload.getOutputStream().write(("POST /api/analyses" + END + "Content-Length: 3800000\r\n\r\n[").getBytes(StandardCharsets.US_ASCII));
                uploads.add(upload);
            }
            await().atMost(Duration.ofSeconds(8)).until(() -> answered(uploads) == 8);

            assertThat(stack.submit("beside-slow-uploads").statusCode()).isEqualTo(202);
            assertThat(answered(uploads)).isEqualTo(8);
        } finally {
            for (Socket upload : uploads) {
                upload.close();
            }
        }
    }

    private static long answered(List<Socket> sockets) throws IOException {
        long answered = 0;
        for (Socket socket : sockets) {
            answered += socket.getInputStream().available() > 0 ? 1 : 0;
        }
        return answered;
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
            assertThat(stack.get("/readyz").statusCode()).isEqualTo(503);
        } finally {
            stack.compose("up", "--detach", "--wait", "--no-recreate", "app").assertSuccess();
        }
    }

    @Test
    void theGatewaysPortIsTheOnlyOneThatIsPublished() {
        Hardening.assertPublished(stack, "0.0.0.0:" + stack.httpPort());
    }

    @Test
    void thePublishedPortAnswersByIpv6Too() throws IOException {
        assertThat(Raw.ask("::1", Integer.parseInt(stack.httpPort()), "GET /healthz" + END + "\r\n").status()).isEqualTo(200);
    }

    @Test
    void aKernelWithoutIpv6IsNotAskedForItAndOnlyNeighboursAreTrusted(@TempDir Path proc) throws IOException {
        Files.writeString(proc.resolve("route"), """
                Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
                eth1\t00000000\t014D12C6\t0003\t0\t0\t0\t00000000\t0\t0\t0
                eth0\t000014AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
                eth1\t804D12C6\t00000000\t0001\t0\t0\t0\t80FFFFFF\t0\t0\t0
                eth1\t0000000A\t014D12C6\t0003\t0\t0\t0\t000000FF\t0\t0\t0
                """);
        String image = Stack.inspect(stack.containers("nginx").get(0)).at("/Config/Image").asString();

        assertThat(Docker.run("docker", "run", "--rm", "--network", "none", "--user", "0:0", "-e", "PROC_NET=/net", "-v", proc + ":/net:ro",
                        "-v", Project.FOLDER.toRealPath().resolve("nginx/shared") + ":/shared:ro", "--entrypoint", "sh", image, "/shared/start.sh",
                        "cat", "/tmp/neighbours.conf", "/tmp/listen-80.conf", "/tmp/listen-443.conf")
                .text()).isEqualTo("set_real_ip_from 172.20.0.0/16;\nset_real_ip_from 198.18.77.128/25;\n");
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

    @Test
    void whateverComesTheAnswerIsTheClientsFaultAndSaysSo() throws Exception {
        Map<Integer, Integer> counts = Fuzz.run(Integer.parseInt(stack.httpPort()), false, 1500, stack.token());

        assertThat(counts).containsKeys(200, 202, 303, 400, 403, 404, 405, 415, 501, 505);
        Hardening.assertNoLineOfALogIsLong(stack, "nginx", "app");
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
        stack.compose("up", "--detach", "--wait", "--no-recreate", "--scale", "app=3", "--scale", "worker=2").assertSuccess();
        try {
            await().atMost(Duration.ofSeconds(30)).until(() -> {
                for (int i = 0; i < 10; i++) {
                    stack.get("/api/analyses");
                }
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
