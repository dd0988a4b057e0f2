package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The mixnet on top of the base, by itself, and with every layer. */
@ExtendWith(Docker.class)
class BetanetTest {

    private static final String ENTRY = "betanet-mixnode-1";
    private static final String MIDDLE = "betanet-mixnode-2";
    private static final String EXIT = "betanet-mixnode-3";
    private static final int PACKET = 2048;

    /** Debian with curl, and with tcpflow, which writes each TCP stream that it sees into a file. */
    private static final String TOOLS = "acceptance-betanet-tools";

    @TempDir
    static Path folder;

    private static Stack stack;

    @BeforeAll
    static void up() throws IOException {
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x")); // The client is not this user.
        stack = withMixnet("docker-compose.yml", "docker-compose.betanet.yml").with("MIX_DELAY", "8s").up();
    }

    @AfterAll
    static void downLeavesNothingBehind() {
        if (stack != null) {
            stack.close();
            assertThat(stack.remains()).isEmpty();
        }
    }

    @Test
    void aThousandSubmissionsAreDoneOnceAndInAnotherOrder() throws Exception {
        assertThat(send(stack, "mixed", 1000).assertSuccess().text()).contains("1000 of 1000 delivered, 0 failed");

        List<Integer> arrived = doneInOrderOfArrival("mixed", 1000);
        // Without a relation the coefficient's standard deviation is 0.032, so that 4 of them are exceeded once in 16,000 runs.
        assertThat(rankCorrelation(arrived)).isBetween(-0.126, 0.126);
    }

    @Test
    void anExitThatIsKilledWithPacketsInItLosesNoneThatWasAcknowledged() throws Exception {
        assertNothingIsLostWithANode(EXIT);
    }

    @ParameterizedTest
    @ValueSource(strings = {ENTRY, MIDDLE})
    @ExtendWith(Longer.class)
    void aNodeThatIsKilledWithPacketsInItLosesNoneThatWasAcknowledged(String node) throws Exception {
        assertNothingIsLostWithANode(node);
    }

    private static void assertNothingIsLostWithANode(String node) throws Exception {
        String name = "killed-" + node;
        CompletableFuture<Docker.Output> sending = CompletableFuture.supplyAsync(() -> send(stack, name, 1000));
        await().atMost(Duration.ofSeconds(120)).until(() -> metric(node, "mixnode_packets_held") >= 100);
        stack.kill(node);

        String said = sending.get(5, TimeUnit.MINUTES).assertSuccess().text();

        assertThat(said).contains("1000 of 1000 delivered, 0 failed");
        assertThat(Stack.inspect(stack.containers(node).get(0)).get("RestartCount").asInt()).isPositive();
        assertThat(doneInOrderOfArrival(name, 1000)).doesNotHaveDuplicates();
    }

    @Test
    void theEntryReachesTheNextNodeAndNeitherTheServiceNorTheDatabase() {
        assertThat(connect(ENTRY, MIDDLE, 8080)).isTrue();
        assertThat(connect(EXIT, "app", 8080)).isTrue();
        List<String> targets = new ArrayList<>();
        for (String service : List.of("app", "worker", "db", "nginx", EXIT)) {
            List<String> addresses = new ArrayList<>(List.of(service));
            Stack.inspect(stack.containers(service).get(0)).at("/NetworkSettings/Networks")
                    .forEach(network -> addresses.add(network.get("IPAddress").asString()));
            for (String address : addresses) {
                if (service.equals(EXIT) && connect(ENTRY, address, 8080)) {
                    continue; // The nodes share a network, and the exit's own other one is the point.
                }
                for (int port : new int[] {8080, 8081, 3306, 80}) {
                    targets.add(address + "/" + port);
                }
            }
        }
        assertThat(inNetworkOf(ENTRY, "for target in " + String.join(" ", targets)
                        + "; do timeout 2 bash -c \"< /dev/tcp/$target\" 2> /dev/null && echo $target; done; true")
                .assertSuccess()
                .text())
                .isEmpty();
    }

    @Test
    void aNodeThatIsDeafWherePacketsComeIsUnhealthy() throws IOException {
        String node = Docker.run("docker", "run", "--detach", "--network", "none", "-e", "NODE_TYPE=exit", "-e", "SERVER_PORT=9090",
                        "--volume", Project.FOLDER.toRealPath().resolve("secrets/dev/mixnode_exit.json") + ":/run/secrets/mixnode_key:ro",
                        Stack.inspect(stack.containers(EXIT).get(0)).get("Image").asString())
                .assertSuccess()
                .text()
                .strip();
        try {
            await().atMost(Duration.ofSeconds(60)).until(() -> Docker.run("docker", "logs", node).text().contains("Started Mixnode"));
            assertThat(Docker.run("docker", "exec", node, "/opt/java/bin/java", "-Xmx16m", "-cp", "app.jar",
                    "dev.slipway.analysis.HealthCheck").exitCode()).isNotZero();
        } finally {
            Docker.run("docker", "rm", "--force", node);
        }
    }

    @Test
    void onTheWireEveryPacketHasOneLengthAndACapturedOneIsOfNoUse() throws Exception {
        assumeTools();
        Path capture = Files.createDirectory(folder.resolve("capture"));
        List<String> captures = new ArrayList<>();
        for (String node : List.of(ENTRY, MIDDLE)) {
            captures.add(Docker.run("docker", "run", "--detach", "--rm", "--network", network(node), "--volume", Files.createDirectory(
                                    capture.resolve(node)) + ":/capture", "--workdir", "/capture", TOOLS, "tcpflow", "-i", "eth0", "tcp port 8080")
                    .assertSuccess()
                    .text()
                    .strip());
        }
        await().atMost(Duration.ofSeconds(30)).until(() -> captures.stream()
                .allMatch(id -> Docker.run("docker", "logs", id).text().contains("listening on")));
        assertThat(send(stack, "captured", 150).assertSuccess().text()).contains("150 of 150 delivered");
        captures.forEach(id -> Docker.run("docker", "stop", id));

        Map<String, byte[]> first = new LinkedHashMap<>();
        for (String node : List.of(ENTRY, MIDDLE, EXIT)) {
            Path seenBy = capture.resolve(node.equals(EXIT) ? MIDDLE : ENTRY);
            List<byte[]> packets = packetsTo(address(node), seenBy);
            assertThat(packets).as("packets to " + node).hasSizeGreaterThanOrEqualTo(150).allMatch(packet -> packet.length == PACKET);
            first.put(node, packets.get(0));
        }
        for (Map.Entry<String, byte[]> captured : first.entrySet()) {
            assertThat(post(captured.getKey(), List.of(captured.getValue()))).containsExactly("replayed");
            List<byte[]> tampered = new ArrayList<>();
            for (int i = 0; i < PACKET; i += 89) { // 24 places; PacketTest tries each.
                byte[] packet = captured.getValue().clone();
                packet[i] ^= 1;
                tampered.add(packet);
            }
            assertThat(post(captured.getKey(), tampered)).hasSize(24).containsOnly("not_for_this_key");
        }
        assertThat(doneInOrderOfArrival("captured", 150)).doesNotHaveDuplicates();
    }

    @Test
    void everyNodeIsHardenedAndPublishesNothing() {
        Hardening.assertOf(stack);
        for (String node : List.of(ENTRY, MIDDLE, EXIT)) {
            assertThat(Stack.inspect(stack.containers(node).get(0)).at("/NetworkSettings/Ports").toString()).doesNotContain("HostPort");
        }
    }

    @Test
    void theJvmAcceptsItsCache() {
        stack.assertJvmAcceptsItsCache(ENTRY, "dev.slipway.analysis.HealthCheck");
    }

    @Test
    void theMixnetRunsByItself() throws Exception {
        Stack alone = withMixnet("docker-compose.betanet.yml").up();
        try {
            assertThat(send(alone, "alone", 3).assertSuccess().text()).contains("3 of 3 delivered");
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> alone.compose("logs", EXIT).text().contains("bytes ends here: this exit has no NEXT_HOP"));
        } finally {
            alone.close();
        }
        assertThat(alone.remains()).isEmpty();
    }

    @Test
    @ExtendWith(Longer.class)
    void theMixnetRunsWithEveryLayerAndItsEntryIsOnThisHostAlone() throws Exception {
        Stack full = withMixnet("docker-compose.yml", "docker-compose.override.yml", "docker-compose.betanet.yml").up();
        try {
            assertThat(send(full, "full", 3).assertSuccess().text()).contains("3 of 3 delivered");
            assertThat(full.json("/api/analyses").get("items")).hasSize(3);

            JsonNode bindings = Stack.inspect(full.containers(ENTRY).get(0)).at("/NetworkSettings/Ports/8080~1tcp");
            assertThat(bindings.get(0).get("HostIp").asString()).isEqualTo("127.0.0.1");
            try (var socket = new java.net.Socket("127.0.0.1", Integer.parseInt(full.variable("MIX_ENTRY_PORT")))) {
                assertThat(socket.isConnected()).isTrue();
            }
        } finally {
            full.close();
        }
        assertThat(full.remains()).isEmpty();
    }

    @Test
    void inProductionItHasKeysOfItsOwn(@TempDir Path project) throws IOException {
        Stack production = Stack.production(project)
                .with("COMPOSE_FILE", "docker-compose.yml:docker-compose.prod.yml:docker-compose.betanet.yml");
        try {
            assertThat(production.script("doctor.sh", "--no-containers").text())
                    .contains("fail  secrets/dev/mixnode_exit.json is development's, which everybody knows: bash scripts/secrets.sh");

            production.script("secrets.sh").assertSuccess();
            String key = Files.readString(project.resolve("secrets/mixnode_entry.json"));
            production.script("mixnode-keys.sh", "--renew", "entry").assertSuccess();
            assertThat(project.resolve("secrets/mixnode_entry.json")).content().isNotEqualTo(key);

            assertThat(production.script("doctor.sh", "--no-containers").text()).doesNotContain("mixnode_exit.json is", "mixnode_exit.json cannot");
            assertThat(project.resolve("secrets/mixnet_token.txt")).content().startsWith(Project.NAME + "_").doesNotContain("_development");
            String config = production.compose("config").assertSuccess().text();
            assertThat(config).contains("secrets/mixnode_exit.json", "secrets/mixnet_token.txt").doesNotContain("secrets/dev");
            assertThat(config.split("SPRING_PROFILES_ACTIVE: production\n", -1)).as("one of each node").hasSize(4);
        } finally {
            production.close();
        }
    }

    private static Stack withMixnet(String... files) {
        return Stack.of(files).with("MIX_SUBMISSIONS", folder.toString());
    }

    /** The client, once: sends submissions called name-0 and so on. */
    private static Docker.Output send(Stack stack, String name, int number) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < number; i++) {
            lines.append("{\"name\": \"").append(name).append('-').append(i).append("\", \"values\": [1, 2, 3]}\n");
        }
        try {
            Files.writeString(folder.resolve(name + ".jsonl"), lines);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return stack.compose("run", "--rm", "-T", "--no-deps", "betanet-client",
                "send", "--entry", "http://" + ENTRY + ":8080", "--keys", "/keys", "/submissions/" + name + ".jsonl");
    }

    /** The numbers of the submissions in the order in which the service took them in, once all are done. */
    private static List<Integer> doneInOrderOfArrival(String name, int number) {
        List<Integer> numbers = new ArrayList<>();
        await().atMost(Duration.ofMinutes(2)).ignoreExceptions().untilAsserted(() -> {
            numbers.clear();
            String cursor = "";
            while (cursor != null) {
                JsonNode answer = stack.json("/api/analyses?size=100&sort=createdAt,asc&cursor=" + cursor);
                for (JsonNode item : answer.get("items")) {
                    if (item.get("name").asString().startsWith(name + "-")) {
                        assertThat(item.get("status").asString()).isEqualTo("DONE");
                        numbers.add(Integer.valueOf(item.get("name").asString().substring(name.length() + 1)));
                    }
                }
                cursor = answer.get("hasNext").asBoolean() ? answer.get("next").asString() : null;
            }
            assertThat(numbers).hasSize(number);
        });
        assertThat(numbers).doesNotHaveDuplicates();
        return numbers;
    }

    /** Spearman's coefficient of place and value. */
    private static double rankCorrelation(List<Integer> numbers) {
        double n = numbers.size();
        double squares = 0;
        for (int place = 0; place < n; place++) {
            squares += Math.pow(place - numbers.get(place), 2);
        }
        return 1 - 6 * squares / (n * (n * n - 1));
    }

    /** From a container that shares the node's network, since the node's image has no shell. */
    private static boolean connect(String node, String host, int port) {
        return inNetworkOf(node, "timeout 2 bash -c '< /dev/tcp/" + host + "/" + port + "'").exitCode() == 0;
    }

    private static double metric(String node, String name) {
        String text = inNetworkOf(node,
                        "exec 3<> /dev/tcp/127.0.0.1/8081; printf 'GET /actuator/prometheus HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3")
                .text();
        Matcher value = Pattern.compile("(?m)^" + name + " (\\S+)").matcher(text);
        return value.find() ? Double.parseDouble(value.group(1)) : 0;
    }

    private static Docker.Output inNetworkOf(String node, String command) {
        String image = Stack.inspect(stack.containers("db").get(0)).at("/Config/Image").asString();
        return Docker.run("docker", "run", "--rm", "--network", network(node), "--entrypoint", "bash", image, "-c", command);
    }

    private static String network(String node) {
        return "container:" + stack.containers(node).get(0);
    }

    private static String address(String node) {
        for (Map.Entry<String, JsonNode> network :
                Stack.inspect(stack.containers(node).get(0)).at("/NetworkSettings/Networks").properties()) {
            if (network.getKey().endsWith("_betanet")) {
                return network.getValue().get("IPAddress").asString();
            }
        }
        throw new AssertionError(node + " is not on the network betanet");
    }

    private static void assumeTools() throws IOException {
        Path context = Files.createDirectory(folder.resolve("tools"));
        Files.writeString(context.resolve("Dockerfile"), """
                FROM debian:trixie
                RUN apt-get -qq update && apt-get -qq install -y --no-install-recommends curl tcpflow > /dev/null
                """);
        Docker.Output built = Docker.run("docker", "build", "--quiet", "--tag", TOOLS, context.toString());
        if (built.exitCode() != 0) {
            System.out.println("SKIPPED: the look at the wire, for tcpflow could not be installed from Debian: " + built.text());
        }
        assumeTrue(built.exitCode() == 0);
    }

    /** What was posted to a node, out of the streams to its port. */
    private static List<byte[]> packetsTo(String address, Path capture) throws IOException {
        String target = Stream.of(address.split("\\."))
                        .map(part -> String.format("%03d", Integer.parseInt(part)))
                        .reduce((a, b) -> a + "." + b)
                        .orElseThrow()
                + ".08080";
        List<byte[]> packets = new ArrayList<>();
        List<Path> streams;
        try (Stream<Path> files = Files.list(capture)) {
            streams = files.filter(file -> file.toString().endsWith("-" + target)).toList();
        }
        for (Path stream : streams) {
            byte[] bytes = Files.readAllBytes(stream);
            String text = new String(bytes, StandardCharsets.ISO_8859_1);
            Matcher request = Pattern.compile("POST /packets HTTP/1\\.1\r\n.*?Content-Length: (\\d+)\r\n.*?\r\n\r\n", Pattern.DOTALL)
                    .matcher(text);
            int at = 0;
            while (at < bytes.length) {
                assertThat(request.find(at) && request.start() == at).as("a request at " + at + " of " + stream).isTrue();
                int length = Integer.parseInt(request.group(1));
                assertThat(length % PACKET).isZero();
                for (at = request.end(); length > 0; length -= PACKET, at += PACKET) {
                    packets.add(Arrays.copyOfRange(bytes, at, at + PACKET));
                }
                assertThat(at).isLessThanOrEqualTo(bytes.length);
            }
        }
        return packets;
    }

    /** Posts each packet in a request of its own, and gives back the reasons for refusing them. */
    private static List<String> post(String node, List<byte[]> packets) throws IOException {
        Path posted = Files.createTempDirectory(folder, "posted");
        for (int i = 0; i < packets.size(); i++) {
            Files.write(posted.resolve(String.format("%02d", i)), packets.get(i));
        }
        String answers = Docker.run("docker", "run", "--rm", "--network", network(node), "--volume", posted + ":/posted:ro", TOOLS, "bash", "-c",
                        "for f in /posted/*; do curl -s --data-binary @$f -H 'Content-Type: application/octet-stream' http://127.0.0.1:8080/packets;"
                                + " echo; done")
                .assertSuccess()
                .text();
        return answers.lines()
                .filter(line -> line.startsWith("{"))
                .map(line -> line.replaceAll(".*\"reason\":\"(\\w+)\".*", "$1"))
                .toList();
    }
}
