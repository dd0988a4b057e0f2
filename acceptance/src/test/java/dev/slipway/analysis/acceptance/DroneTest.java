package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.yaml.snakeyaml.Yaml;
import tools.jackson.databind.JsonNode;

/** {@code .drone.yml}, read as Drone reads it, and the commands of its steps, run in their images on this engine. */
class DroneTest {

    private static final String APP = Project.NAME + "-app";
    private static final String MIXNODE = Project.NAME + "-mixnode";
    private static final String VERSION = "v1.2.3";
    private static final String COMMIT = "acceptance-" + Long.toString(System.nanoTime(), 36);
    private static final Map<String, String> BUILD = Map.of("DRONE_TAG", VERSION, "DRONE_COMMIT_SHA", COMMIT);

    @Test
    void itsStepsGoFromTheTestsToThePublishedImage() throws IOException {
        assertThat(steps().stream().map(step -> step.get("name"))).containsExactly("test", "package", "image", "stack", "publish");
        assertThat(services().stream().map(service -> service.get("name"))).containsExactly("database", "docker");
    }

    @Test
    void nothingIsPublishedBeyondThePipelineButTheImageOfATag() throws IOException {
        assertThat(text()).doesNotContainPattern("(?m)^\\s*-?\\s*(ports|network_mode):");
        for (Map<String, Object> step : steps()) {
            boolean publishes = step.get("commands").toString().contains("docker push");
            assertThat(step.get("when")).as("%s", step.get("name"))
                    .isEqualTo(publishes ? Map.of("event", List.of("tag")) : null);
        }
    }

    @Test
    void credentialsComeFromDronesSecretsAndReachNoOtherStep() throws IOException {
        for (Map<String, Object> step : steps()) {
            map(step, "environment").forEach((name, value) -> assertThat(value instanceof Map<?, ?>)
                    .as("%s of %s", name, step.get("name"))
                    .isEqualTo(name.startsWith("REGISTRY")));
        }
    }

    @Test
    void everyVolumeIsThePipelinesOwn() throws IOException {
        assertThat(list(pipeline(), "volumes")).isNotEmpty().allSatisfy(volume -> assertThat(volume).containsKey("temp"));
    }

    /** Each step in its image, with its services, in a copy of the project, which every step sees as Drone's workspace. */
    @Nested
    @ExtendWith({Docker.class, Longer.class})
    @TestInstance(TestInstance.Lifecycle.PER_CLASS)
    class Steps {

        private static final String USER = "robot";
        private static final String PASSWORD = "a-registry-of-the-test";
        private static final String PASSWORD_FILE = USER + ":$2b$05$kAYTnZVB0aMFR1b3trMMX.4Jrr9L0mO7nH.fQi04/2lK4Kpf6Uery\n";

        private final String name = COMMIT;
        private final List<String> containers = new ArrayList<>();

        @TempDir
        static Path workspace;

        @TempDir
        static Path credentials;

        private String registry;

        @BeforeAll
        void startServices() throws IOException {
            Project.copy(workspace);
            workspace = workspace.toRealPath();
            Docker.run("docker", "network", "create", name).assertSuccess();
            for (Map<String, Object> service : services()) {
                if (Boolean.TRUE.equals(service.get("privileged"))) {
                    System.out.println("SKIPPED: the service " + service.get("name") + " of .drone.yml, for this engine takes its place");
                    continue;
                }
                List<String> run = new ArrayList<>(List.of("--network", name, "--network-alias", (String) service.get("name")));
                map(service, "environment").forEach((variable, value) -> run.addAll(List.of("--env", variable + "=" + value)));
                run.add((String) service.get("image"));
                start(run);
            }
            Files.writeString(credentials.resolve("htpasswd"), PASSWORD_FILE);
            String container = start(List.of(
                    "--publish", "127.0.0.1::5000",
                    "--volume", credentials.resolve("htpasswd") + ":/htpasswd:ro",
                    "--env", "REGISTRY_AUTH=htpasswd",
                    "--env", "REGISTRY_AUTH_HTPASSWD_REALM=registry",
                    "--env", "REGISTRY_AUTH_HTPASSWD_PATH=/htpasswd",
                    "registry:2"));
            registry = Docker.run("docker", "port", container, "5000").assertSuccess().text().strip();
        }

        @AfterAll
        void removeEverything() throws IOException {
            compose("docker", "compose", "down", "--volumes", "--remove-orphans", "--timeout", "10");
            containers.forEach(container -> Docker.run("docker", "rm", "--force", "--volumes", container));
            Docker.run("docker", "network", "rm", name, name + "-proxy");
            list(pipeline(), "volumes").forEach(volume -> Docker.run("docker", "volume", "rm", "--force", name + "-" + volume.get("name")));
            Docker.run("docker", "image", "rm", "--force", "localhost/" + APP + ":" + COMMIT, "localhost/" + MIXNODE + ":" + COMMIT, published());
            Docker.run("bash", "-c", "docker image rm --force $(docker image ls -q " + registry + "/team/" + APP + ")");
            Docker.run("docker", "image", "rm", "--force", mixnode());
            // Files that root wrote in a container, for the user who deletes the folder.
            Docker.run("docker", "run", "--rm", "--volume", workspace + ":/workspace", "--entrypoint", "chown",
                    (String) steps().get(0).get("image"), "-R", String.valueOf(Files.getAttribute(credentials, "unix:uid")), "/workspace");
        }

        @TestFactory
        Stream<DynamicTest> step() throws IOException {
            Stream<DynamicTest> steps = steps().stream().map(step -> DynamicTest.dynamicTest((String) step.get("name"), () -> {
                Docker.Output output = run(step).assertSuccess();
                assertThat(output.text()).doesNotContain(PASSWORD);
                check((String) step.get("name"), output.text());
            }));
            Stream<DynamicTest> after = Stream.of(DynamicTest.dynamicTest("what was published is pulled by a host", this::isPulled));
            if (Longer.isOn("DroneTest, a tag that moved to a broken image is undone")) {
                after = Stream.concat(after, Stream.of(
                        DynamicTest.dynamicTest("a tag that moved to a broken image is undone", this::aMovedTagIsUndone)));
            }
            return Stream.concat(steps, after);
        }

        private void isPulled() throws IOException {
            Docker.run(workspace, Map.of("DOCKER_CONFIG", credentials.toString()), "bash", "-c",
                            "docker login --username " + USER + " --password-stdin " + registry + " <<< " + PASSWORD)
                    .assertSuccess();
            Docker.run("docker", "image", "rm", published()).assertSuccess();
            Files.writeString(workspace.resolve(".env"), "REGISTRY=" + registry + "/team\n");

            Docker.run("docker", "image", "rm", mixnode()).assertSuccess();
            compose("bash", "scripts/secrets.sh").assertSuccess(); // And the mixnet's keys.

            Docker.Output deploy = deploy(VERSION).assertSuccess();

            assertThat(deploy.text()).contains("Pulling " + published(), "Pulling " + mixnode(), "Deployed " + VERSION);
            assertThat(app().at("/Config/Image").asString()).isEqualTo(published());
        }

        private void aMovedTagIsUndone() throws IOException {
            String before = app().get("Image").asString();
            Files.writeString(workspace.resolve("Dockerfile.broken"), "FROM " + published() + "\nENV SPRING_DATASOURCE_HIKARI_CONNECTION_INIT_SQL=nonsense\n");
            Docker.run(workspace, Map.of("DOCKER_CONFIG", credentials.toString()), "bash", "-ec",
                            "docker build -q -t " + published() + " -f Dockerfile.broken secrets/dev && docker push -q " + published())
                    .assertSuccess();

            Docker.Output deploy = deploy();

            assertThat(deploy.exitCode()).isEqualTo(1);
            assertThat(deploy.text()).containsPattern("the app of " + VERSION + " did not become ready; this host is back at " + VERSION + "-until-\\d{8}-\\d{6}\n");
            assertThat(app().get("Image").asString()).isEqualTo(before);
            assertThat(Files.readString(workspace.resolve(".env"))).containsPattern("(?m)^TAG=" + VERSION + "-until-");
        }

        private Docker.Output deploy(String... tag) {
            return compose(Stream.concat(Stream.of("bash", "scripts/deploy.sh"), Stream.of(tag)).toArray(String[]::new));
        }

        /** A command for production with the mixnet. */
        private Docker.Output compose(String... command) {
            Map<String, String> environment = Map.of(
                    "COMPOSE_FILE", "docker-compose.yml:docker-compose.prod.yml:docker-compose.betanet.yml", "COMPOSE_PROJECT_NAME", name,
                    "PROXY_NETWORK", name + "-proxy", "BETANET_SUBNET", "10.199.0.0/24", "DOCKER_CONFIG", credentials.toString());
            return Docker.run(workspace, environment, command);
        }

        private JsonNode app() {
            return Stack.inspect(Docker.run("docker", "ps", "-q", "--filter", "label=com.docker.compose.project=" + name,
                    "--filter", "label=com.docker.compose.service=app").assertSuccess().text().strip());
        }

        private String mixnode() {
            return registry + "/team/" + MIXNODE + ":" + VERSION;
        }

        private String published() {
            return registry + "/team/" + APP + ":" + VERSION;
        }

        private void check(String step, String output) throws Exception {
            switch (step) {
                case "test" -> assertThat(output)
                        .contains("The database is the server database", "BUILD SUCCESS")
                        .containsPattern("Tests run: \\d{2,}, Failures: 0, Errors: 0");
                case "package" -> {
                    try (Stream<Path> files = Files.list(workspace.resolve("app/target"))) {
                        assertThat(files).anyMatch(file -> file.getFileName().toString().matches(APP + "-.*\\.jar"));
                    }
                }
                case "image" -> assertThat(List.of(APP, MIXNODE)).allSatisfy(image -> assertThat(Docker.run("docker", "image", "inspect",
                                        "--format", "{{json .Config.Labels}}", "localhost/" + image + ":" + COMMIT)
                                .assertSuccess()
                                .text())
                        .contains(VERSION, COMMIT));
                case "stack" -> assertThat(output).contains("ok    no port is published").doesNotContain("\nfail ");
                case "publish" -> {
                    for (String image : List.of(APP, MIXNODE)) { // Every image that a deploy from the registry pulls.
                        assertThat(published("/v2/team/" + image + "/manifests/" + VERSION)).as(image).isEqualTo(200);
                    }
                }
                default -> throw new AssertionError("no check for the step " + step);
            }
        }

        private Docker.Output run(Map<String, Object> step) throws IOException {
            String image = (String) step.get("image");
            List<String> commands = new ArrayList<>();
            for (Object command : (List<?>) step.get("commands")) {
                commands.add((String) command);
            }
            Map<String, String> environment = environment(step);
            if (Docker.run("docker", "image", "inspect", image).exitCode() != 0
                    && Docker.run("docker", "pull", "--quiet", image).exitCode() != 0) {
                System.out.println("SKIPPED: the image " + image + " for the step " + step.get("name") + ", for it cannot be pulled;"
                        + " the commands run in this host's bash, without those that install a package");
                commands.removeIf(command -> command.startsWith("apk "));
                return Docker.run(workspace, environment, "bash", "-c", "set -e\n" + String.join("\n", commands));
            }
            List<String> run = new ArrayList<>(List.of("docker", "run", "--rm", "--network", name));
            environment.forEach((variable, value) -> run.addAll(List.of("--env", variable)));
            run.addAll(List.of("--volume", workspace + ":" + workspace, "--workdir", workspace.toString()));
            for (Map<String, Object> volume : list(step, "volumes")) {
                if (volume.get("path").equals("/var/run")) {
                    run.addAll(List.of("--volume", "/var/run/docker.sock:/var/run/docker.sock"));
                } else {
                    run.addAll(List.of("--volume", name + "-" + volume.get("name") + ":" + volume.get("path")));
                }
            }
            if (environment.containsKey("MAVEN_ARGS")) {
                run.addAll(List.of("--volume", System.getProperty("localRepository") + ":/repository:ro"));
            }
            run.addAll(List.of("--entrypoint", "/bin/sh", image, "-c", "set -e\n" + String.join("\n", commands)));
            return Docker.run(workspace, environment, run.toArray(String[]::new));
        }

        /** The step's, with this test's names in place of Drone's secrets and of what is shared on this engine. */
        private Map<String, String> environment(Map<String, Object> step) {
            Map<String, String> environment = new HashMap<>(BUILD);
            Map<String, String> secrets =
                    Map.of("registry", registry + "/team", "registry_user", USER, "registry_password", PASSWORD);
            map(step, "environment").forEach((variable, value) -> environment.put(
                    variable, value instanceof Map<?, ?> secret ? secrets.get(secret.get("from_secret")) : (String) value));
            environment.put("COMPOSE_PROJECT_NAME", name);
            environment.replace("PROXY_NETWORK", name + "-proxy");
            if (environment.containsKey("REGISTRY")) {
                environment.put("DOCKER_CONFIG", credentials.toString());
            }
            if (step.get("image").toString().startsWith("maven:")) {
                environment.put("MAVEN_ARGS", "-Dmaven.repo.local.tail=/repository -Dmaven.repo.local.tail.ignoreAvailability=true");
            }
            if (step.get("name").equals("test")) {
                System.out.println("SKIPPED: all but AnalysisApiTest in Drone's step test, for this build runs the others itself");
                environment.merge("MAVEN_ARGS", " -Dtest=AnalysisApiTest", String::concat);
            }
            return environment;
        }

        private String start(List<String> run) {
            List<String> command = new ArrayList<>(List.of("docker", "run", "--detach"));
            command.addAll(run);
            String container = Docker.run(command.toArray(String[]::new)).assertSuccess().text().strip();
            containers.add(container);
            return container;
        }

        private int published(String path) throws IOException, InterruptedException {
            String basic = Base64.getEncoder().encodeToString((USER + ":" + PASSWORD).getBytes());
            return HttpClient.newHttpClient()
                    .send(
                            HttpRequest.newBuilder(URI.create("http://" + registry + path))
                                    .timeout(Duration.ofSeconds(10))
                                    .header("Authorization", "Basic " + basic)
                                    .header("Accept", "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json,"
                                            + " application/vnd.oci.image.manifest.v1+json")
                                    .build(),
                            HttpResponse.BodyHandlers.discarding())
                    .statusCode();
        }
    }

    private static String text() throws IOException {
        return Files.readString(Project.FOLDER.resolve(".drone.yml"));
    }

    /** As Drone substitutes its variables, before it parses the file. */
    private static Map<String, Object> pipeline() throws IOException {
        String substituted = Pattern.compile("\\$\\$|\\$\\{(\\w+)(?::-([^}]*))?}").matcher(text()).replaceAll(variable ->
                Matcher.quoteReplacement(variable.group(1) == null
                        ? "$"
                        : BUILD.getOrDefault(variable.group(1), String.valueOf(variable.group(2)))));
        return new Yaml().load(substituted);
    }

    private static List<Map<String, Object>> steps() throws IOException {
        return list(pipeline(), "steps");
    }

    private static List<Map<String, Object>> services() throws IOException {
        return list(pipeline(), "services");
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> list(Map<String, Object> in, String key) {
        return (List<Map<String, Object>>) in.getOrDefault(key, List.of());
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> map(Map<String, Object> in, String key) {
        return (Map<String, Object>) in.getOrDefault(key, Map.of());
    }
}
