package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A Compose stack of some layers, under a project name and on ports of its own, that {@link #close} removes whole. */
final class Stack implements AutoCloseable {

    /** The tests' token in production, where development's is refused; its file is in the copy of the project. */
    static final String TOKEN = newToken();
    private static final String TOKEN_FILE = "tests_token.txt";

    /** What production gets for the tests: a port of the gateway, and a token that no database needs to know. */
    private static final String PUBLISHED = """
            services:
              nginx: {ports: ['127.0.0.1:${HTTP_PORT}:80']}
              app:
                environment: {ACCESS_TOKENS_TESTS_SCOPES: "analyses:read,analyses:write,analyses:delete,analyses:admin"}
                secrets: [{source: tests_token, target: access.tokens.tests.token}]
            secrets: {tests_token: {file: %s}}
            """.formatted(TOKEN_FILE);

    private static final JsonMapper JSON = new JsonMapper();

    static { // Most questions start processes.
        Awaitility.setDefaultPollDelay(Duration.ZERO);
        Awaitility.setDefaultPollInterval(Duration.ofSeconds(1));
    }

    /** The options of MariaDB's programs in the database's container. */
    static final String AS_ROOT =
            "--defaults-extra-file=<(printf '[client]\\nuser=root\\npassword=\"%s\"\\n' \"$(< /run/secrets/db_root)\") --protocol=socket";

    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    private final String name;
    private final List<String> compose = new ArrayList<>(List.of("docker", "compose"));
    private final Map<String, String> environment = new HashMap<>();
    private Path folder = Project.FOLDER;
    private boolean production;

    private Stack(String name) {
        this.name = name;
        environment.put("COMPOSE_PROJECT_NAME", name);
        for (String port : List.of("HTTP_PORT", "APP_PORT", "DEBUG_PORT", "DB_PORT", "ADMINER_PORT", "EDGE_HTTP_PORT", "EDGE_HTTPS_PORT",
                "MIX_ENTRY_PORT", "GRAFANA_PORT", "PROMETHEUS_PORT")) {
            environment.put(port, freePort());
        }
        // Apart from the networks that Docker gives out by itself.
        ThreadLocalRandom random = ThreadLocalRandom.current();
        environment.put("BETANET_SUBNET", "10." + random.nextInt(200, 250) + "." + random.nextInt(256) + ".0/24");
    }

    /** A stack of these layers. */
    static Stack of(String... files) {
        Stack stack = new Stack("acceptance-" + Long.toString(System.nanoTime(), 36));
        stack.environment.put("COMPOSE_FILE", String.join(File.pathSeparator, files));
        stack.environment.put("IMAGE", stack.name);
        stack.environment.put("MIXNODE_IMAGE", stack.name + "-mixnode");
        if (!List.of(files).contains("docker-compose.prod.yml")) { // Production's limits are proven there; here they would only make a start slow.
            for (String service : List.of("APP", "WORKER", "DB")) {
                stack.environment.put(service + "_CPUS", "1.0");
            }
        }
        return stack;
    }

    /**
     * Production's layers in a copy of the project with secrets of its own, as a user prepares them. One more layer
     * publishes the gateway to the tests, and lets them in.
     */
    static Stack production(Path folder) throws IOException {
        Project.copy(folder);
        Stack stack = of("docker-compose.yml", "docker-compose.prod.yml", "published.yml").in(folder);
        stack.production = true;
        Files.writeString(folder.resolve("published.yml"), PUBLISHED);
        Files.setPosixFilePermissions(Files.writeString(folder.resolve(TOKEN_FILE), TOKEN), PosixFilePermissions.fromString("r--r--r--"));
        Files.copy(folder.resolve(".env.example"), folder.resolve(".env"));
        stack.environment.put("PROXY_NETWORK", stack.name);
        Docker.run("docker", "network", "create", stack.name).assertSuccess();
        stack.script("secrets.sh").assertSuccess();
        return stack;
    }

    /** A copy of the project in place of the project itself. */
    Stack in(Path folder) {
        this.folder = folder;
        return this;
    }

    /** The stack of this name, layers and variables on another engine, of which this is the address, in another folder. */
    Stack on(String engine, Path folder) {
        Stack other = new Stack(name).in(folder);
        other.compose.clear();
        other.compose.addAll(compose);
        other.environment.putAll(environment);
        return other.with("DOCKER_HOST", engine);
    }

    /** A variable of the Compose files; null takes it away. */
    Stack with(String variable, String value) {
        if (value == null) {
            environment.remove(variable);
        } else {
            environment.put(variable, value);
        }
        return this;
    }

    Stack profile(String profile) {
        compose.add("--profile");
        compose.add(profile);
        return this;
    }

    /** Builds the images and starts the services, all if none is named; returns when they are healthy. */
    Stack up(String... services) {
        try {
            compose(Stream.concat(Stream.of("up", "--build", "--detach", "--wait", "--quiet-pull"), Stream.of(services))
                            .toArray(String[]::new))
                    .assertSuccess();
            return this;
        } catch (AssertionError e) {
            System.out.println(compose("logs", "--tail", "50").text());
            close();
            throw e;
        }
    }

    Docker.Output compose(String... arguments) {
        return Docker.run(
                folder, environment, Stream.concat(compose.stream(), Stream.of(arguments)).toArray(String[]::new));
    }

    /** One of the project's scripts, as a user runs it. */
    Docker.Output script(String name, String... arguments) {
        return Docker.run(
                folder, environment, Stream.concat(Stream.of("bash", "scripts/" + name), Stream.of(arguments)).toArray(String[]::new));
    }

    /** Commands as a user types them into a shell, the first that fails being the last. */
    Docker.Output run(String commands) {
        return Docker.run(folder, environment, "bash", "-ec", commands);
    }

    /** What the database's root is told by an SQL script; columns are separated by tabs. */
    String sql(String sql) {
        return exec("db", "bash", "-c",
                        "mariadb " + AS_ROOT
                                + " --batch --skip-column-names app -e \"$0\"", sql)
                .assertSuccess()
                .text()
                .strip();
    }

    /** Makes an object of every kind that MariaDB knows in the database. */
    void makeEverything() throws IOException {
        try (var everything = Stack.class.getResourceAsStream("/everything.sql")) {
            Files.copy(everything, folder.resolve("everything.sql"));
        }
        run("docker compose exec -T db bash -c 'mariadb --defaults-extra-file=<(printf \"[client]\\nuser=root\\npassword=\\\"%s\\\"\\n\""
                + " \"$(< /run/secrets/db_root)\") --protocol=socket --comments app' < everything.sql").assertSuccess();
    }

    /** kill -9 of all that a service runs, from a container that shares its processes, since its own image may have no kill. */
    void kill(String service) {
        String container = containers(service).get(0);
        String user = inspect(container).at("/Config/User").asString();
        String database = inspect(containers("db").get(0)).at("/Config/Image").asString();
        Docker.Output killer = Docker.run("docker", "run", "--rm", "--pid", "container:" + container, "--user", user, "--entrypoint", "bash",
                database, "-c", "for p in /proc/[0-9]*; do [ ${p#/proc/} -gt 1 ] && [ ${p#/proc/} != $$ ] && kill -9 ${p#/proc/}; done; true");
        if (killer.exitCode() != 137) { // It is killed itself when the service's first process ends before it.
            killer.assertSuccess();
        }
    }

    String variable(String name) {
        return environment.get(name);
    }

    /** The running containers of a service, or of all, by Docker itself: a call of Compose takes four times the processor. */
    List<String> containers(String... service) {
        List<String> command = new ArrayList<>(List.of("docker", "ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}",
                "--filter", "label=com.docker.compose.project=" + name, "--filter", "label=com.docker.compose.oneoff=False"));
        for (String one : service) {
            command.addAll(List.of("--filter", "label=com.docker.compose.service=" + one));
        }
        return docker(command.toArray(String[]::new))
                .assertSuccess()
                .text()
                .lines()
                .sorted()
                .map(line -> line.substring(line.indexOf(' ') + 1))
                .toList();
    }

    /** A command in a service's container. */
    Docker.Output exec(String service, String... command) {
        return docker(Stream.concat(Stream.of("docker", "exec", containers(service).get(0)), Stream.of(command)).toArray(String[]::new));
    }

    private Docker.Output docker(String... command) {
        return Docker.run(folder, environment, command);
    }

    static JsonNode inspect(String container) {
        return JSON.readTree(Docker.run("docker", "inspect", container).assertSuccess().text()).get(0);
    }

    /** As the service's image starts, but another program: it finds nobody who listens, which is after the JVM's start. */
    void assertJvmAcceptsItsCache(String service, String program) {
        JsonNode container = inspect(containers(service).get(0));
        List<String> java = new ArrayList<>();
        container.at("/Config/Entrypoint").forEach(argument -> java.add(argument.asString().equals("-jar") ? "-cp" : argument.asString()));
        List<String> command = new ArrayList<>(List.of("docker", "run", "--rm", "--network", "none",
                "--memory", container.at("/HostConfig/Memory").asString(), "--entrypoint", java.remove(0), container.get("Image").asString()));
        command.add("-XX:AOTMode=on");
        command.addAll(java);
        command.add(program);

        assertThat(Docker.run(command.toArray(String[]::new)).text())
                .contains("java.net.ConnectException")
                .doesNotContain("AOT cache");
    }

    /** What of this stack there is: containers, volumes and networks. */
    List<String> remains() {
        List<String> remains = new ArrayList<>();
        for (String kind : List.of("container", "volume", "network")) {
            String all = kind.equals("container") ? "--all" : "--quiet";
            remains.addAll(docker("docker", kind, "ls", all, "--quiet", "--filter", "label=com.docker.compose.project=" + name)
                    .assertSuccess()
                    .text()
                    .lines()
                    .toList());
        }
        return remains;
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return http.send(request(path).build(), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> get(String path, String header, String value) throws IOException, InterruptedException {
        return http.send(request(path).header(header, value).build(), HttpResponse.BodyHandlers.ofString());
    }

    /** As somebody else, who is a stranger with null for a token. */
    HttpResponse<String> getAs(String token, String path) throws IOException, InterruptedException {
        return http.send(requestAs(token, path).build(), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> submit(String name) throws IOException, InterruptedException {
        return submit(name, "[1, 2, 3, 4]");
    }

    HttpResponse<String> submit(String name, String values) throws IOException, InterruptedException {
        return submitAs(token(), name, values);
    }

    HttpResponse<String> submitAs(String token, String name, String values) throws IOException, InterruptedException {
        return http.send(
                requestAs(token, "/api/analyses")
                        .header("Content-Type", "application/json")
                        .header("Idempotency-Key", name)
                        .POST(HttpRequest.BodyPublishers.ofString("{\"name\": \"" + name + "\", \"values\": " + values + "}"))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    JsonNode json(String path) throws IOException, InterruptedException {
        return JSON.readTree(get(path).body());
    }

    /** Who the tests are: development, or in production a subject of their own, and either may do everything. */
    String token() {
        try {
            return production ? TOKEN : Files.readString(folder.resolve("secrets/dev/api_token.txt")).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One of the right form, which nobody was given. */
    static String newToken() {
        String letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        String random = new SecureRandom().ints(43, 0, letters.length())
                .mapToObj(letter -> letters.substring(letter, letter + 1))
                .collect(Collectors.joining());
        try {
            byte[] check = MessageDigest.getInstance("SHA-256").digest(random.getBytes(StandardCharsets.US_ASCII));
            return Project.NAME + "_" + random + "_" + HexFormat.of().formatHex(check).substring(0, 6);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // Every Java platform has SHA-256.
        }
    }

    String name() {
        return name;
    }

    String httpPort() {
        return variable("HTTP_PORT");
    }

    @Override
    public void close() {
        compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "10");
        for (String repository : List.of(name, name + "-mixnode", "localhost/" + name, "localhost/" + name + "-mixnode")) {
            docker("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository).text().lines().forEach(
                    image -> docker("docker", "image", "rm", "--force", image));
        }
        if (name.equals(environment.get("PROXY_NETWORK"))) {
            docker("docker", "network", "rm", name);
        }
    }

    private HttpRequest.Builder request(String path) {
        return requestAs(token(), path);
    }

    private HttpRequest.Builder requestAs(String token, String path) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://localhost:" + httpPort() + path)).timeout(Duration.ofSeconds(40));
        return token == null ? request : request.header("Authorization", "Bearer " + token);
    }

    /** Below those that a system gives to connections, one of which would otherwise have it before Docker does. */
    private static String freePort() {
        while (true) {
            int port = ThreadLocalRandom.current().nextInt(10_000, 32_000);
            try (ServerSocket socket = new ServerSocket(port)) {
                return String.valueOf(socket.getLocalPort());
            } catch (IOException taken) {
                // The next one, then.
            }
        }
    }
}
