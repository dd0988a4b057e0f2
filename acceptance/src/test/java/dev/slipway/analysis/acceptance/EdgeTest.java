package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Production with the profile edge, looked at by clients with addresses of their own; its certificate comes from an authority on their network. */
@ExtendWith(Docker.class)
class EdgeTest {

    private static final String DOMAIN = "example.test";
    private static final String FORGED = "203.0.113.7";
    private static final String CA = "/ca/root.pem";
    private static final String ASK_AS_A_STRANGER = "curl -sS --cacert " + CA + " https://" + DOMAIN;
    private static final String ASK = askAs(Stack.TOKEN);

    @TempDir
    static Path project;

    /** What the clients share: the authority's root certificate, and what they leave there. */
    @TempDir
    static Path ca;

    private static Stack stack;
    private static Authority authority;
    private static String network;
    private static String tools;
    private static String edge;

    @BeforeAll
    static void up() throws IOException {
        stack = Stack.production(project).profile("edge");
        network = stack.variable("PROXY_NETWORK");
        // Of addresses that no rule about private networks knows.
        int number = ThreadLocalRandom.current().nextInt(1, 256);
        Docker.run("docker", "network", "rm", network).assertSuccess();
        Docker.run("docker", "network", "create", "--ipv6", "--subnet", "198.18." + number + ".0/24", "--subnet",
                        "2001:db8:" + Integer.toHexString(number) + "::/64", network)
                .assertSuccess();
        tools = stack.name() + "-tools";
        var built = Docker.run("docker", "build", "-q", "-t", tools, Path.of("src/test/resources").toAbsolutePath().toString());
        if (built.exitCode() != 0) {
            System.out.println("SKIPPED: EdgeTest, for its tools cannot be had: " + built.text().lines().reduce((a, b) -> b).orElse(""));
            Assumptions.abort();
        }
        // The service says whom it takes for the client.
        Files.writeString(project.resolve("seen.yml"), """
                services:
                  app:
                    environment:
                      SERVER_TOMCAT_ACCESSLOG_ENABLED: "true"
                      SERVER_TOMCAT_ACCESSLOG_BUFFERED: "false"
                      SERVER_TOMCAT_ACCESSLOG_DIRECTORY: /dev
                      SERVER_TOMCAT_ACCESSLOG_FILE_DATE_FORMAT: ""
                      SERVER_TOMCAT_ACCESSLOG_PATTERN: "seen %{X-Request-ID}i from %a on %v:%p"
                      SERVER_TOMCAT_ACCESSLOG_PREFIX: stdout
                      SERVER_TOMCAT_ACCESSLOG_REQUEST_ATTRIBUTES_ENABLED: "true"
                      SERVER_TOMCAT_ACCESSLOG_SUFFIX: ""
                """);
        authority = new Authority(stack, project, Duration.ofDays(90)).start();
        Files.writeString(project.resolve("domain.yml"), "services: {edge: {networks: {nginx_proxy: {aliases: [" + DOMAIN + "]}}}}\n");
        stack.with("EDGE_DOMAIN", DOMAIN);
        stack.with("COMPOSE_FILE", "docker-compose.yml");
        stack.with("IMAGE", "localhost/" + stack.name());
        stack.compose("build", "--quiet", "app").assertSuccess();
        stack.with("IMAGE", stack.name());
        stack.with("COMPOSE_FILE", "docker-compose.yml:docker-compose.prod.yml:published.yml:seen.yml:domain.yml:authority.yml");
        stack.up();
        edge = Stack.inspect(stack.containers("edge").get(0))
                .at("/NetworkSettings/Networks/" + network + "/IPAddress")
                .asString();
        // It answers whoever trusts the authority's root alone, once it has the certificate, and each of its processes 10 s later.
        await().atMost(Duration.ofMinutes(2)).during(Duration.ofSeconds(11)).until(() -> client("curl -sk https://pebble:15000/roots/0 > " + CA + ";"
                        + " curl -s -o /dev/null -w '%{http_code}' --cacert " + CA + " https://" + DOMAIN + "/healthz/edge || true")
                .equals("200"));
    }

    @AfterAll
    static void down() {
        if (stack != null) {
            for (String client : Docker.run("docker", "ps", "-q", "--filter", "ancestor=" + tools).text().lines().toList()) {
                Docker.run("docker", "rm", "-f", client);
            }
            if (authority != null) {
                authority.close();
            }
            stack.close();
            Docker.run("docker", "image", "rm", "-f", tools);
        }
    }

    @Test
    void plainHttpLeadsToHttps() {
        assertThat(client("curl -si 'http://" + DOMAIN + "/api/analyses?size=1'"))
                .startsWith("HTTP/1.1 308")
                .contains("Location: https://" + DOMAIN + ":" + stack.variable("EDGE_HTTPS_PORT") + "/api/analyses?size=1\r\n");
    }

    @Test
    void httpsIsHttp2AndSaysSoForTwoYears() {
        assertThat(client(ASK + "/api/analyses -i")).startsWith("HTTP/2 200").contains("strict-transport-security: max-age=63072000\r\n");
    }

    @Test
    @ExtendWith(Longer.class)
    void testsslGivesAnAPlus() throws IOException {
        client("cd /tmp && testssl --quiet --color 0 --openssl /usr/bin/openssl --add-ca " + CA
                + " --jsonfile /ca/testssl.json https://" + DOMAIN + " || true");

        JsonNode findings = new JsonMapper().readTree(Files.readString(ca.resolve("testssl.json")));
        for (JsonNode finding : findings) {
            if (!finding.path("severity").asString().matches("OK|INFO|DEBUG")) {
                System.out.println("testssl: " + finding.path("severity").asString() + " " + finding.path("id").asString() + ": "
                        + finding.path("finding").asString());
            }
        }
        assertThat(finding(findings, "overall_grade")).isEqualTo("A+");
        assertThat(finding(findings, "TLS1_1")).isEqualTo("not offered");
        assertThat(finding(findings, "TLS1_3")).startsWith("offered");
        assertThat(finding(findings, "FS_KEMs")).contains("X25519MLKEM768");
    }

    @Test
    void noSessionTicketIsGiven() {
        String handshake = "sleep 5 | openssl s_client -connect " + DOMAIN + ":443 -CAfile " + CA + " 2> /dev/null ";

        assertThat(client(handshake + "-tls1_2")).contains("Session-ID: ").doesNotContain("session ticket");
        // In TLS 1.3 it is sent as one, but is the number of a session that the edge remembers: 32 bytes, and not the session itself.
        assertThat(client(handshake + "-tls1_3 | awk '/session ticket:/ { inside = 1; lines = 0; next } inside && /^ +00/ { lines++; next }"
                        + " inside { print lines; inside = 0 }'").lines())
                .isNotEmpty()
                .containsOnly("2");
    }

    @Test
    void theClientsAddressSurvivesBothHopsAndAForgedOneDoesNot() {
        String address = client("hostname -I | cut -d' ' -f1; " + ASK + "/api/analyses -o /dev/null -H 'X-Request-ID: forged-1'"
                        + " -H 'X-Forwarded-For: " + FORGED + "' -H 'X-Real-IP: " + FORGED + "' -H 'Forwarded: for=" + FORGED + "'"
                        + " -H 'X-Forwarded-Proto: http' -H 'X-Forwarded-Host: evil.test' -H 'X-Forwarded-Port: 1'")
                .strip();

        assertThat(logged("nginx", "forged-1")).contains("\"client.ip\":\"" + address + "\"").doesNotContain(FORGED);
        assertThat(logged("app", "seen forged-1")).contains("from " + address + " on " + DOMAIN + ":443");
    }

    @Test
    void ofWhatAProxyOfTheHostSaysTheLastAddressIsBelieved() {
        client("curl -sS -o /dev/null -H 'X-Request-ID: forged-2' -H 'X-Forwarded-Proto: https'"
                + " -H 'X-Forwarded-For: " + FORGED + ", 198.51.100.9' http://" + gateway() + "/api/analyses");

        assertThat(logged("nginx", "forged-2")).contains("\"client.ip\":\"198.51.100.9\"");
        assertThat(logged("app", "seen forged-2")).contains("from 198.51.100.9 on " + gateway() + ":443");
    }

    @Test
    void ofAClientThatComesByIpv6TheAddressSurvivesToo() {
        String address = client("hostname -I | tr ' ' '\\n' | grep -m 1 2001: && curl -sS -o /dev/null --cacert " + CA + " -H 'X-Request-ID: six-1'"
                        + " --resolve " + DOMAIN + ":443:[" + address6("edge") + "] https://" + DOMAIN + "/api/analyses && curl -sS -o /dev/null"
                        + " -H 'X-Request-ID: six-2' -H 'X-Forwarded-For: 2001:db8:ffff::9' 'http://[" + address6("nginx") + "]/api/analyses'")
                .strip();

        assertThat(logged("nginx", "six-1")).contains("\"client.ip\":\"" + address + "\"");
        assertThat(logged("nginx", "six-2")).contains("\"client.ip\":\"2001:db8:ffff::9\"");
    }

    @Test
    void aClientIsItsIpv6NetworkForTheLimitsOfLargeBodies() throws IOException {
        assertThat(tooMany("2001:db8:0:0:1:2:3:%x", "2001:db8::%x")).isPositive();
        assertThat(tooMany("2001:db8:0:%x::1", "2001:db8:1:%x:2::")).isZero();
        assertThat(tooMany("::ffff:203.0.113.1", "203.0.113.1")).isPositive();
        assertThat(tooMany("::ffff:203.0.113.2", "203.0.113.3")).isZero();
    }

    @Test
    void whoHasOneTokenIsOneForTheLimitsFromHoweverManyAddresses() throws IOException {
        assertThat(tooMany("2001:db8:2:%x::1", "2001:db8:3:%x:2::", "header = \"Authorization: Bearer " + Stack.newToken() + "\"\n")).isPositive();
    }

    /** How many of 18 large bodies, in turn from addresses of these forms, get a 429: a client may send nine at once. */
    private static long tooMany(String address, String other) throws IOException {
        return tooMany(address, other, "");
    }

    private static long tooMany(String address, String other, String line) throws IOException {
        String requests = IntStream.range(1, 19)
                .mapToObj(i -> """
                        silent
                        output = "/dev/null"
                        write-out = "%%{http_code}\\n"
                        header = "X-Forwarded-For: %s"
                        header = "Content-Type: application/json"
                        data-binary = "@/tmp/body"
                        url = "http://%s/api/analyses"
                        %s""".formatted((i % 2 == 0 ? address : other).formatted(i), gateway(), line))
                .collect(Collectors.joining("next\n"));
        Files.writeString(ca.resolve("limits.curl"), requests);
        return client("head -c 40000 /dev/zero > /tmp/body; curl -K /ca/limits.curl").lines().filter("429"::equals).count();
    }

    @Test
    void slowUploadsOfManyClientsFitIntoTheGatewaysMemory() {
        String refused = client("for client in {1..6}; do for _ in {1..4}; do exec {fd}<> /dev/tcp/" + gateway() + "/80;"
                + " printf 'POST /api/analyses HTTP/1.1\\r\\nHost: a\\r\\nX-Forwarded-For: 192.0.2.%s\\r\\nContent-Length: 4000000\\r\\n\\r\\n' $client >&$fd;"
                + " head -c 3900000 /dev/zero >&$fd & all=\"$all $fd\"; done; done; sleep 2;"
                + " for fd in $all; do timeout 0.2 head -c 12 <&$fd | tr '\\0' ' '; echo; done | grep -c 429");

        assertThat(refused.strip()).isEqualTo("9");
    }

    @Test
    void whatCountsTheGatewaysConnectionsAnswersNoNeighbour() {
        assertThat(client("curl -sS http://" + gateway() + ":8082/stub_status 2>&1 || true")).contains("Failed to connect");
        assertThat(stack.compose("exec", "-T", "nginx", "wget", "-q", "-O", "-", "http://" + Project.NAME + "-nginx-status:8082/stub_status").text())
                .contains("Active connections");
    }

    @Test
    void aGatewayThatStaysAwayIsAProblem() {
        stack.compose("stop", "nginx").assertSuccess();
        try {
            for (String body : List.of("", " -d {}")) {
                assertThat(client(ASK + "/api/analyses -i -m 30" + body))
                        .contains(" 503", "retry-after: 1\r\n", "x-request-id: ", "strict-transport-security: ", "urn:problem-type:unavailable");
            }
        } finally {
            stack.compose("start", "nginx").assertSuccess();
        }
    }

    @Test
    void anotherProjectsGatewayOnTheNetworkIsNotReached() {
        String image = Stack.inspect(stack.containers("edge").get(0)).at("/Config/Image").asString();
        String other = Docker.run("docker", "run", "-d", "--rm", "--network", network, "--network-alias", "nginx", image)
                .assertSuccess()
                .text()
                .strip();
        try {
            assertThat(client("for i in $(seq 20); do " + ASK + "/api/analyses -o /dev/null -w '%{http_code}\\n'; sleep 0.2; done").lines())
                    .hasSize(20)
                    .containsOnly("200");
        } finally {
            Docker.run("docker", "rm", "-f", other);
        }
    }

    @Test
    void whoSendsTooMuchIsToldToWaitAndNobodyElseIs() {
        // Of a path that the gateway answers by itself: the service would take its time.
        List<String> answers = client(ASK_AS_A_STRANGER + "/nothing?[1-3000] -Z --parallel-max 60 -o /dev/null"
                        + " -w '%{http_code} %{content_type} %header{retry-after}\\n'")
                .lines()
                .toList();

        assertThat(answers.stream().filter(answer -> !answer.startsWith("429"))).hasSizeGreaterThanOrEqualTo(400);
        assertThat(answers.stream().filter(answer -> answer.startsWith("429"))).isNotEmpty().containsOnly("429 application/problem+json 1");
        assertThat(client(ASK + "/api/analyses -o /dev/null -w '%{http_code}'")).isEqualTo("200");
    }

    @Test
    @ExtendWith(Longer.class)
    void aClientThatSendsAllItCanLeavesAnotherOneServed() throws Exception {
        String done = "/ca/" + System.nanoTime();
        String post = " -o /dev/null -w '%{http_code} %{time_total}\\n' -H 'Content-Type: application/json' --data-binary ";
        stack.script("token.sh", "create", "beside", "--scope", "analyses:write", "--file", "beside_token.txt").assertSuccess();
        String other = askAs(Files.readString(project.resolve("beside_token.txt")).strip());
        var served = CompletableFuture.supplyAsync(() -> client("until [ -e " + done + " ]; do " + other + "/api/analyses -m 30" + post
                + "'{\"name\": \"beside\", \"values\": [1]}'; sleep 0.2; done"));

        String large = client("printf '{\"name\": \"large\", \"values\": [' > /tmp/body; yes 1.500000000000000000000000000000000000, | head -n 97000 | tr -d '\\n' >> /tmp/body;"
                + " printf '1]}' >> /tmp/body; timeout 20 " + ASK + "'/api/analyses?[1-100000]' -Z --parallel-max 48" + post + "@/tmp/body 2> /dev/null || true; touch " + done);

        List<String> others = served.get().lines().toList();
        System.out.println("48 connections of one client with 3.8 MB each for 20 s: " + large.lines().collect(
                        Collectors.groupingBy(line -> line.split(" ")[0], TreeMap::new, Collectors.counting()))
                + "; another client: " + others.stream().collect(Collectors.groupingBy(line -> line.split(" ")[0], TreeMap::new, Collectors.counting()))
                + ", at most " + others.stream().mapToDouble(line -> Double.parseDouble(line.split(" ")[1])).max().orElse(0) + " s");
        assertThat(others).hasSizeGreaterThan(10).allMatch(line -> line.startsWith("202 "));
    }

    @Test
    void fiveHundredSlowClientsHinderNobody() throws Exception {
        assertSlowClientsHinderNobody("edge", "https://" + DOMAIN, "-H");
    }

    @ParameterizedTest
    @CsvSource({
        "edge, https://" + DOMAIN + ", -B", "edge, https://" + DOMAIN + ", -X",
        "nginx, http://gateway, -H", "nginx, http://gateway, -B", "nginx, http://gateway, -X"
    })
    @ExtendWith(Longer.class)
    void slowClientsOfEachKindHinderNobodyAtTheGatewayNeither(String service, String url, String attack) throws Exception {
        assertSlowClientsHinderNobody(service, url, attack);
    }

    private static void assertSlowClientsHinderNobody(String service, String url, String attack) throws Exception {
        String done = "/ca/" + System.nanoTime();
        var answers = CompletableFuture.supplyAsync(() -> client("until [ -e " + done + " ]; do " + ASK
                + "/healthz -m 30 -o /dev/null -w '%{http_code} %{time_total}\n'; sleep 0.2; done")); // The gateway's own answer.

        String slow = client("slowhttptest -c 500 " + attack + " -i 5 -r 250 -l 15 -x 24 -p 3 -u " + url.replace("gateway", gateway())
                + "/api/openapi | sed 's/\\x1b\\[[0-9;]*m//g'; touch " + done);

        assertThat(answers.get().lines()).hasSizeGreaterThan(5).allMatch(answer -> answer.startsWith("200 "));
        double[] seconds = answers.get().lines().mapToDouble(answer -> Double.parseDouble(answer.split(" ")[1])).sorted().toArray();
        assertThat(seconds[seconds.length / 2]).isLessThan(1);
        // Its own probe may wait while its 500 handshakes are done; in the end it is served, too.
        assertThat(slow.lines().filter(line -> line.startsWith("service available")).toList()).last().asString().endsWith("YES");
        if (attack.equals("-H")) { // Let go after 10 s.
            assertThat(slow).containsPattern("connected: +(4[5-9]\\d|500)");
        }
        if (attack.equals("-B")) { // Each is a request, of which a client may have 64.
            await().atMost(Duration.ofSeconds(60)).until(() -> stack.compose("logs", service).text().lines()
                            .filter(line -> line.contains("\"POST\"") && line.contains("\"http.response.status_code\":429"))
                            .count()
                    > 400);
        }
    }

    @Test
    void whatCannotBeReadIsAProblem() throws IOException {
        int http = Integer.parseInt(stack.variable("EDGE_HTTP_PORT"));
        int https = Integer.parseInt(stack.variable("EDGE_HTTPS_PORT"));
        String end = " HTTP/1.1\r\nHost: " + DOMAIN + "\r\nConnection: close\r\n";
        for (var refused : Map.of("GET / HTTP/1.0\r\n\r\n", 400, "TRACE /" + end + "\r\n", 405, "CONNECT " + DOMAIN + ":443" + end + "\r\n", 405,
                "POST /api" + end + "Transfer-Encoding: gzip\r\n\r\n", 501, "GET / HTTP/3.0\r\n\r\n", 505,
                "GET /" + "a".repeat(9000) + end + "\r\n", 414, "GET /" + end + "X: " + "a".repeat(9000) + "\r\n\r\n", 400,
                "GET /.well-known/acme-challenge/none" + end + "\r\n", 404).entrySet()) {
            for (boolean tls : List.of(false, true)) {
                if (tls && refused.getKey().contains("HTTP/1.0")) {
                    continue; // Served: there the host matters to nobody.
                }
                var answer = Raw.ask("127.0.0.1", tls ? https : http, tls, refused.getKey().getBytes(StandardCharsets.US_ASCII));

                assertThat(answer.status()).as(refused.getKey()).isEqualTo(refused.getValue());
                assertThat(answer.isProblem()).as(refused.getKey()).isTrue();
                assertThat(answer.headers().get("x-request-id")).as(refused.getKey()).isNotEmpty().isEqualTo(answer.requestId());
            }
        }
        String http10 = "GET /api/analyses HTTP/1.0\r\nAuthorization: Bearer " + Stack.TOKEN + "\r\n\r\n";
        assertThat(Raw.ask("127.0.0.1", https, true, http10.getBytes(StandardCharsets.US_ASCII)).status()).isEqualTo(200);
        for (String request : List.of("https://" + DOMAIN + "/%%%", "http://" + gateway() + "/%%%", "http://" + DOMAIN + ":443/")) {
            assertThat(client("curl -si --cacert " + CA + " '" + request + "'")).as(request).contains(" 400", "application/problem+json");
        }
    }

    @Test
    @ExtendWith(Longer.class)
    void whateverComesTheAnswerIsTheClientsFaultAndSaysSo() throws Exception {
        Map<Integer, Integer> counts = Fuzz.run(Integer.parseInt(stack.variable("EDGE_HTTPS_PORT")), true, 1000, Stack.TOKEN);

        assertThat(counts).containsKeys(200, 202, 400, 404, 405, 415, 501, 505);
        Files.writeString(ca.resolve("fuzz.curl"), Fuzz.curl("https://" + DOMAIN, 200, Stack.TOKEN));
        List<String> answers = client("curl -K /ca/fuzz.curl").lines().toList();
        System.out.println("fuzz by HTTP/2: answers by status "
                + answers.stream().collect(Collectors.groupingBy(line -> line.split(" ")[0], TreeMap::new, Collectors.counting())));
        assertThat(answers).hasSize(200).allMatch(line -> line.matches("[23]\\d\\d .*|4\\d\\d application/problem\\+json [0-9.]+"));
        Hardening.assertNoLineOfALogIsLong(stack, "edge", "nginx", "app");
    }

    @Test
    void everyContainerIsHardened() {
        Hardening.assertOf(stack);
    }

    private static String address6(String service) {
        return Stack.inspect(stack.containers(service).get(0)).at("/NetworkSettings/Networks/" + network + "/GlobalIPv6Address").asString();
    }

    private static String gateway() {
        return stack.name() + "-nginx";
    }

    private static String askAs(String token) {
        return "curl -sS -H 'Authorization: Bearer " + token + "' --cacert " + CA + " https://" + DOMAIN;
    }

    /** The line that a service logged of this request; what is written to a container's output may arrive a moment later. */
    private static String logged(String service, String request) {
        return await().atMost(Duration.ofSeconds(60)).until(
                () -> stack.compose("logs", "--no-log-prefix", service).text().lines().filter(line -> line.contains(request)).findFirst().orElse(""),
                line -> !line.isEmpty());
    }

    private static String finding(JsonNode findings, String id) {
        for (JsonNode finding : findings) {
            if (finding.path("id").asString().equals(id)) {
                return finding.path("finding").asString();
            }
        }
        return "no finding " + id;
    }

    /** What a client prints that runs these commands in a container of its own, and so from an address of its own. */
    private static String client(String commands) {
        return Docker.run(run(tools + "-" + System.nanoTime(), "-i", tools, "bash", "-c", commands).toArray(String[]::new))
                .assertSuccess()
                .text();
    }

    private static List<String> run(String name, String... arguments) {
        return Stream.concat(
                        Stream.of("docker", "run", "--rm", "--init", "--name", name, "--network", network, "--add-host", DOMAIN + ":" + edge, "--volume", ca + ":/ca"),
                        Stream.of(arguments))
                .toList();
    }
}
