package dev.slipway.analysis.mixnode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import dev.slipway.analysis.mixnode.packet.Hop;
import dev.slipway.analysis.mixnode.packet.Keys;
import dev.slipway.analysis.mixnode.packet.Sealer;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import picocli.CommandLine;

/** Three nodes and a service in one process, over HTTP. */
@ExtendWith(OutputCaptureExtension.class)
class CascadeTest {

    private static final String TOKEN = "analysis_" + "x".repeat(43) + "_0123ab";

    @TempDir
    Path keys;

    private final HttpClient http = HttpClient.newHttpClient();
    private final Map<Hop, ConfigurableApplicationContext> nodes = new EnumMap<>(Hop.class);
    private final Map<Hop, Integer> ports = new EnumMap<>(Hop.class);
    private final ConcurrentLinkedQueue<String> idempotencyKeys = new ConcurrentLinkedQueue<>();
    private HttpServer service;
    private volatile int answer = 202;

    @BeforeEach
    void startTheService() throws Exception {
        Keys.writeMissing(keys);
        Files.writeString(keys.resolve("token"), TOKEN + "\n");
        service = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        service.setExecutor(Executors.newCachedThreadPool());
        service.createContext("/api/analyses", exchange -> {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            boolean letIn = ("Bearer " + TOKEN).equals(exchange.getRequestHeaders().getFirst("Authorization"));
            if (letIn && answer == 202) {
                idempotencyKeys.add(exchange.getRequestHeaders().getFirst("Idempotency-Key") + " " + body);
            }
            exchange.sendResponseHeaders(letIn ? answer : 401, -1);
            exchange.close();
        });
        service.start();
    }

    @AfterEach
    void stop() {
        nodes.values().forEach(ConfigurableApplicationContext::close);
        service.stop(0);
    }

    @Test
    void everySubmissionArrivesOnce(CapturedOutput output) throws Exception {
        startNodes();
        Path file = Files.writeString(keys.resolve("submissions.jsonl"), submissions(300));

        int exit = send(file);

        assertThat(exit).isZero();
        assertThat(output).contains("300 of 300 delivered, 0 failed, 0 sent again; ");
        assertThat(idempotencyKeys).hasSize(300).doesNotHaveDuplicates();
        for (Hop hop : Hop.values()) {
            assertThat(count(hop, "received")).isEqualTo(300);
            assertThat(count(hop, "forwarded")).isEqualTo(300);
        }
    }

    @Test
    void aReplayedATamperedAndACutPacketAreRefusedAndCounted() throws Exception {
        startNodes();
        byte[] packet = packet();
        byte[] tampered = packet();
        tampered[2047] ^= 1;

        assertThat(post(packet).statusCode()).isEqualTo(204);
        assertThat(post(packet)).satisfies(again -> {
            assertThat(again.statusCode()).isEqualTo(409);
            assertThat(again.headers().firstValue("Content-Type")).hasValue("application/problem+json");
            assertThat(again.body()).contains("The packet was here before: make it anew.", "\"reason\":\"replayed\"");
        });
        assertThat(post(tampered).statusCode()).isEqualTo(400);
        assertThat(post(new byte[2047]).body()).contains("wrong_size");
        assertThat(post(new byte[2_000_000]).body()).contains("wrong_size");
        assertThat(idempotencyKeys).hasSize(1);
        assertThat(Stream.of("replayed", "not_for_this_key", "wrong_size").map(reason -> dropped(Hop.ENTRY, reason)))
                .containsExactly(1, 1, 2);
        assertThat(count(Hop.ENTRY, "received")).isEqualTo(5);
    }

    @Test
    void aRequestOfTooManyBytesIsRefusedAndTheNodeServesOn() throws Exception {
        startNodes();

        assertThat(post(new byte[2048 * 4001])).satisfies(answer -> {
            assertThat(answer.statusCode()).isEqualTo(413);
            assertThat(answer.body()).contains("too_many_packets");
        });
        try (Socket socket = stalled(1L << 40)) {
            socket.shutdownOutput();
            assertThat(firstLine(socket)).contains(" 408 ");
        }
        assertThat(post(packet()).statusCode()).isEqualTo(204);
    }

    /** Or its bodies had all of the node's threads. */
    @Test
    void whoStallsBodiesHasAShareAndNoMore(CapturedOutput output) throws Exception {
        startNodes("--BODY_TIMEOUT=1m");
        List<Socket> sockets = new ArrayList<>();
        for (int i = 0; i < 32; i++) {
            sockets.add(stalled(4096));
        }
        await().atMost(Duration.ofSeconds(30)).until(() -> post(packet()).statusCode() == 503);
        try (Socket oneMore = stalled(4096)) {
            assertThat(firstLine(oneMore)).contains(" 503 ");
        }

        for (Socket socket : sockets) {
            socket.close();
        }
        await().atMost(Duration.ofSeconds(30)).until(() -> post(packet()).statusCode() == 204);
        assertThat(output).doesNotContain("Exception");
    }

    @Test
    void aBodyThatStallsOrComesInDropsIsLetGo() throws Exception {
        start(Hop.ENTRY, "--BODY_TIMEOUT=1s", "--NEXT_HOP=http://127.0.0.1:1");
        try (Socket silent = stalled(2048);
                Socket dripping = stalled(2048)) {
            assertThat(firstLine(silent)).contains(" 408 ");
            CompletableFuture<String> answer = CompletableFuture.supplyAsync(() -> firstLine(dripping));
            await().atMost(Duration.ofSeconds(60)).pollInterval(Duration.ofMillis(100)).until(() -> {
                try {
                    dripping.getOutputStream().write(1);
                    return answer.isDone();
                } catch (IOException closed) {
                    return true;
                }
            });
        }
        assertThat(dropped(Hop.ENTRY, "incomplete")).isEqualTo(2);
    }

    @Test
    void aFullNodeAnswers503AndTheSenderSendsAgain(CapturedOutput output) throws Exception {
        startNodes("--PACKET_LIMIT=20", "--MIX_BATCH_SIZE=20");
        Path file = Files.writeString(keys.resolve("submissions.jsonl"), submissions(200));

        assertThat(send(file)).isZero();

        assertThat(output).contains("200 of 200 delivered").doesNotContain(" 0 sent again; ");
        assertThat(idempotencyKeys).hasSize(200);
        assertThat(dropped(Hop.ENTRY, "busy")).isPositive();
        assertThat(count(Hop.ENTRY, "received")).isEqualTo(200 + dropped(Hop.ENTRY, "busy"));
    }

    @Test
    void aNodeTriesAgainWhileTheNextOneRestarts() throws Exception {
        startNodes();
        nodes.remove(Hop.EXIT).close();

        CompletableFuture<HttpResponse<String>> answer = http.sendAsync(request(packet()), HttpResponse.BodyHandlers.ofString());
        Thread.sleep(1000);
        assertThat(answer).isNotDone();
        start(Hop.EXIT);

        assertThat(answer.get(30, TimeUnit.SECONDS).statusCode()).isEqualTo(204);
        assertThat(idempotencyKeys).hasSize(1);
    }

    @Test
    void whatCannotBeDeliveredIsNotAcknowledgedAndIsCounted() throws Exception {
        startNodes("--GIVE_UP_AFTER=3s");
        answer = 503;
        assertThat(post(packet()).statusCode()).isEqualTo(502);
        await().untilAsserted(() -> assertThat(dropped(Hop.EXIT, "next_hop_down")).isEqualTo(1));
        assertThat(dropped(Hop.ENTRY, "refused_by_the_next_hop")).isEqualTo(1);

        answer = 400;
        assertThat(post(packet()).statusCode()).isEqualTo(422);
        assertThat(dropped(Hop.ENTRY, "refused_by_the_service")).isEqualTo(1);
    }

    /** It is nothing that the sender could mend: no submission is given up for it, and the operator reads of it once. */
    @Test
    void aTokenThatTheServiceRefusesIsToldToTheOperatorAndPacketsWaitForAnother(CapturedOutput output) throws Exception {
        startNodes("--GIVE_UP_AFTER=3s");
        for (int refusal : new int[] {401, 403}) {
            answer = refusal;
            assertThat(post(packet()).statusCode()).isEqualTo(502);
            answer = 202;
            assertThat(post(packet()).statusCode()).isEqualTo(204);
        }

        await().untilAsserted(() -> assertThat(dropped(Hop.EXIT, "next_hop_down")).isEqualTo(2));
        String where = "http://127.0.0.1:" + service.getAddress().getPort() + "/api/analyses refuses the token of " + keys.resolve("token");
        assertThat(output.toString().lines().filter(line -> line.contains(where)).map(line -> line.replaceAll(".* (with \\d+): .*", "$1")))
                .containsExactly("with 401", "with 403");
        assertThat(output).doesNotContain(TOKEN);
        assertThat(idempotencyKeys).hasSize(2);
    }

    @Test
    void anExitGivesUpOnItsServiceBeforeTheMiddleGivesUpOnTheExit() throws Exception {
        startNodes("--GIVE_UP_AFTER=2s");
        service.removeContext("/api/analyses");
        service.createContext("/api/analyses", exchange -> sleep(10_000));

        assertThat(post(packet()).statusCode()).isEqualTo(502);
        assertThat(dropped(Hop.MIDDLE, "refused_by_the_next_hop")).isEqualTo(1);
    }

    @Test
    void aSenderThatCannotSendSaysWhy(CapturedOutput output) throws Exception {
        Path nothing = Files.createDirectory(keys.resolve("nothing"));

        assertThat(send("localhost:9001", nothing)).isOne();
        assertThat(send("http://127.0.0.1:9001", nothing)).isOne();
        assertThat(send("http://127.0.0.1:9001", nothing, "--in-flight=0")).isOne();
        assertThat(send("http://127.0.0.1:9001", nothing, "--give-up-after=PT0S")).isOne();

        assertThat(output.getErr().lines()).containsExactly(
                "mixnode: --entry is \"localhost:9001\": it must be http://HOST:PORT.",
                "mixnode: There is no submission to send: name files, or folders that have .json or .jsonl files.",
                "mixnode: --in-flight is 0: it must be 1 or more.",
                "mixnode: --give-up-after is PT0S: it must be more than nothing, as PT5M is.");
    }

    /** Or whoever sees both sides would know by the answers which packet was whose. */
    @Test
    void theAnswersOfABatchComeTogether() throws Exception {
        startNodes("--MIX_BATCH_SIZE=5", "--MIX_DELAY=30s", "--GIVE_UP_AFTER=1m");
        AtomicInteger submissions = new AtomicInteger();
        service.removeContext("/api/analyses");
        service.createContext("/api/analyses", exchange -> {
            sleep(1000L * submissions.getAndIncrement());
            exchange.sendResponseHeaders(202, -1);
            exchange.close();
        });

        List<CompletableFuture<Long>> answeredAt = IntStream.range(0, 5)
                .mapToObj(i -> http.sendAsync(request(packet()), HttpResponse.BodyHandlers.ofString()).thenApply(response -> System.nanoTime()))
                .toList();
        List<Long> times = new ArrayList<>();
        for (CompletableFuture<Long> time : answeredAt) {
            times.add(time.get(30, TimeUnit.SECONDS));
        }

        long spread = times.stream().max(Long::compare).orElseThrow() - times.stream().min(Long::compare).orElseThrow();
        assertThat(Duration.ofNanos(spread)).isLessThan(Duration.ofSeconds(2));
    }

    @Test
    void anExitWithoutAServiceCountsAndLogsWhatArrives(CapturedOutput output) throws Exception {
        start(Hop.EXIT, "--NEXT_HOP=");
        start(Hop.MIDDLE);
        start(Hop.ENTRY);

        assertThat(post(packet()).statusCode()).isEqualTo(204);

        assertThat(output).contains("bytes ends here: this exit has no NEXT_HOP");
        assertThat(count(Hop.EXIT, "forwarded")).isEqualTo(1);
    }

    @Test
    void aStoppingNodeAnswersForThePacketsItHolds() throws Exception {
        startNodes("--MIX_DELAY=1s");
        CompletableFuture<HttpResponse<String>> answer = http.sendAsync(request(packet()), HttpResponse.BodyHandlers.ofString());
        await().atMost(Duration.ofSeconds(5)).until(() -> count(Hop.ENTRY, "received") == 1);

        nodes.remove(Hop.ENTRY).close();

        assertThat(answer.get(10, TimeUnit.SECONDS).statusCode()).isEqualTo(204);
    }

    /** The last first: each is told the port of its next one. */
    private void startNodes(String... settings) {
        for (Hop hop : List.of(Hop.EXIT, Hop.MIDDLE, Hop.ENTRY)) {
            start(hop, settings);
        }
    }

    private void start(Hop hop, String... settings) {
        List<String> arguments = new ArrayList<>(List.of(
                "--NODE_TYPE=" + hop.label(),
                "--KEY_FILE=" + Keys.privateFile(keys, hop),
                "--TOKEN_FILE=" + keys.resolve("token"),
                "--server.port=" + ports.getOrDefault(hop, 0), // One that starts again has the same.
                "--management.server.port=0"));
        if (Stream.of(settings).noneMatch(setting -> setting.startsWith("--NEXT_HOP"))) {
            int next = hop == Hop.EXIT ? service.getAddress().getPort() : ports.get(Hop.values()[hop.ordinal() + 1]);
            arguments.add("--NEXT_HOP=http://127.0.0.1:" + next);
        }
        if (Stream.of(settings).noneMatch(setting -> setting.startsWith("--MIX_DELAY"))) {
            arguments.add("--MIX_DELAY=100ms");
        }
        arguments.addAll(List.of(settings));
        ConfigurableApplicationContext node = SpringApplication.run(Mixnode.class, arguments.toArray(String[]::new));
        nodes.put(hop, node);
        ports.put(hop, node.getEnvironment().getProperty("local.server.port", Integer.class));
    }

    private int send(Path file) {
        return send("http://127.0.0.1:" + ports.get(Hop.ENTRY), file);
    }

    private int send(String entry, Path file, String... options) {
        List<String> arguments = new ArrayList<>(List.of("send", "--entry", entry, "--keys", keys.toString(), file.toString()));
        arguments.addAll(List.of(options));
        return new CommandLine(new Mixnode()).execute(arguments.toArray(String[]::new));
    }

    private static String submissions(int number) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < number; i++) {
            lines.append("{\"name\": \"n-").append(i).append("\", \"values\": [1, 2]}\n");
        }
        return lines.toString();
    }

    private byte[] packet() {
        return new Sealer(Keys.readPublic(keys)).seal(UUID.randomUUID(), "{}".getBytes(StandardCharsets.UTF_8), Instant.now());
    }

    private HttpResponse<String> post(byte[] packet) throws Exception {
        return http.send(request(packet), HttpResponse.BodyHandlers.ofString());
    }

    private HttpRequest request(byte[] packet) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + ports.get(Hop.ENTRY) + "/packets"))
                .timeout(Duration.ofSeconds(60))
                .header("Content-Type", "application/octet-stream")
                .POST(HttpRequest.BodyPublishers.ofByteArray(packet))
                .build();
    }

    /** A request whose body does not come. */
    private Socket stalled(long length) throws Exception {
        Socket socket = new Socket("127.0.0.1", ports.get(Hop.ENTRY));
        socket.setSoTimeout(60_000);
        socket.getOutputStream().write(("POST /packets HTTP/1.1\r\nHost: entry\r\nContent-Type: application/octet-stream\r\nContent-Length: "
                + length + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    private static String firstLine(Socket socket) {
        try {
            return new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII)).readLine();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private int count(Hop hop, String what) {
        return (int) nodes.get(hop).getBean(MeterRegistry.class).get("mixnode.packets." + what).counter().count();
    }

    private int dropped(Hop hop, String reason) {
        return (int) nodes.get(hop).getBean(MeterRegistry.class).get("mixnode.packets.dropped").tag("reason", reason).counter().count();
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
