package dev.slipway.analysis.acceptance;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A Compose stack of some layers, under a project name and on ports of its own, that {@link #close} removes whole. */
final class Stack implements AutoCloseable {

    private static final JsonMapper JSON = new JsonMapper();

    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    private final String name = "acceptance-" + Long.toString(System.nanoTime(), 36);
    private final List<String> compose = new ArrayList<>(List.of("docker", "compose", "-p", name));
    private final Map<String, String> environment = Map.of(
            "HTTP_PORT", freePort(), "APP_PORT", freePort(), "DEBUG_PORT", freePort(), "DB_PORT", freePort(), "TAG", name);

    private Stack(String... files) {
        for (String file : files) {
            compose.add("-f");
            compose.add(file);
        }
    }

    /** Builds the images and starts the services; returns when all are healthy. */
    static Stack up(String... files) {
        Stack stack = new Stack(files);
        try {
            stack.compose("up", "--build", "--detach", "--wait", "--quiet-pull").assertSuccess();
        } catch (AssertionError e) {
            System.out.println(stack.compose("logs", "--tail", "50").text());
            stack.close();
            throw e;
        }
        return stack;
    }

    Docker.Output compose(String... arguments) {
        return Docker.run(
                environment, Stream.concat(compose.stream(), Stream.of(arguments)).toArray(String[]::new));
    }

    List<String> containers(String... service) {
        return compose(Stream.concat(Stream.of("ps", "-q"), Stream.of(service)).toArray(String[]::new))
                .assertSuccess()
                .text()
                .lines()
                .toList();
    }

    static JsonNode inspect(String container) {
        return JSON.readTree(Docker.run("docker", "inspect", container).assertSuccess().text()).get(0);
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return http.send(request(path).build(), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> submit(String name) throws IOException, InterruptedException {
        return http.send(
                request("/api/analyses")
                        .header("Content-Type", "application/json")
                        .header("Idempotency-Key", name)
                        .POST(HttpRequest.BodyPublishers.ofString("{\"name\": \"" + name + "\", \"values\": [1, 2, 3, 4]}"))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    JsonNode json(String path) throws IOException, InterruptedException {
        return JSON.readTree(get(path).body());
    }

    String httpPort() {
        return environment.get("HTTP_PORT");
    }

    @Override
    public void close() {
        compose("down", "--volumes", "--remove-orphans", "--timeout", "10");
        Docker.run("docker", "image", "rm", "-f", imageOf("app"));
    }

    private String imageOf(String service) {
        return JSON.readTree(compose("config", "--format", "json").text())
                .at("/services/" + service + "/image")
                .asString();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://localhost:" + httpPort() + path)).timeout(Duration.ofSeconds(40));
    }

    private static String freePort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return String.valueOf(socket.getLocalPort());
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
