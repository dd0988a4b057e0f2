package dev.slipway.archetype;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class AwkwardNamesIT {

    private static final int REFERENCES_PORT = 18881;

    @Test
    void aProjectWithAwkwardNamesPassesItsOwnTestsAndNamesNothingOfTheReferences() throws Exception {
        Path project = generate("awkward names");

        try (Stream<Path> files = Files.walk(project).filter(Files::isRegularFile)) {
            for (Path file : files.toList()) {
                assertThat(project.relativize(file) + "\n" + Files.readString(file, StandardCharsets.ISO_8859_1))
                        .doesNotContainIgnoringCase("slipway")
                        .doesNotContain("analysis-", "analysis_development", "<artifactId>analysis<", "reference-only", ":881");
            }
        }
        assertThat(Files.readString(project.resolve(".env.example")))
                .contains("HTTP_PORT=8881\n", "DB_IMAGE=mariadb:11.8\n");

        if (!engineAnswers()) {
            Run verify = Maven.run(project, "", List.of("-B", "-ntp", "verify")).assertSuccess();
            verify.output().lines().filter(line -> line.contains("Tests run:") && !line.contains("Time")).forEach(System.out::println);
            assertThat(verify.output()).containsPattern("Tests run: \\d{2,}, Failures: 0, Errors: 0");
            assertThat(project.resolve("app/target/b2b-orders-9-app-1.0.jar")).exists();
            System.out.println("SKIPPED: the stacks of a generated project, for no Docker Engine answers");
            return;
        }
        System.out.println("SKIPPED: a generated project's own tests, which the run without an engine has");
        // All of them would take as long as the reference's, whose bytes they are but for the names.
        System.out.println("SKIPPED: all tests of a generated project's stacks but ProductionTest and a part of BaseTest, for their time; ForeignDomainIT deploys one");
        Run stacks = Maven.run(Path.of("../acceptance"), "", List.of("-B", "-ntp", "surefire:test", "-Dtested.project=" + project.toRealPath(),
                        "-Dtest=BaseTest#aStranger*+aSubmission*+theGateway*+theDatabase*+everyContainer*,ProductionTest"))
                .assertSuccess();

        stacks.output().lines().filter(line -> line.contains("Tests run:") && !line.contains("Time")).forEach(System.out::println);
        assertThat(stacks.output()).containsPattern("Tests run: 1\\d, Failures: 0, Errors: 0, Skipped: 0");
    }

    @Test
    void itRunsBesideTheReference() throws Exception {
        if (!engineAnswers()) {
            System.out.println("SKIPPED: a generated project beside the reference, for no Docker Engine answers");
            return;
        }
        Path project = generate("beside the reference");
        Path reference = Path.of("..").toRealPath();

        try {
            compose(reference, "-p", "beside", "up", "--build", "--detach", "--wait").assertSuccess();
            compose(project, "up", "--build", "--detach", "--wait").assertSuccess();

            assertThat(finished(reference, REFERENCES_PORT)).contains("\"mean\":2.5");
            assertThat(finished(project, 8881)).contains("\"mean\":2.5");
        } finally {
            compose(project, "down", "--volumes", "--rmi", "local");
            compose(reference, "-p", "beside", "down", "--volumes");
        }
    }

    private static boolean engineAnswers() throws Exception {
        return Run.of(Path.of("."), "", List.of("docker", "version")).exitCode() == 0;
    }

    private static Path generate(String name) throws Exception {
        Path folder = Maven.emptyFolder(name);
        Maven.generate(
                        folder,
                        "groupId=io.acme",
                        "artifactId=b2b-orders-9",
                        "version=1.0",
                        "package=io.acme.x9.orders",
                        "httpPort=8881")
                .assertSuccess();
        return folder.resolve("b2b-orders-9");
    }

    /** Submits an analysis by the project's token of development and waits until it is done. */
    private static String finished(Path project, int port) throws Exception {
        String authorization = "Bearer " + Files.readString(project.resolve("secrets/dev/api_token.txt")).strip();
        HttpClient http = HttpClient.newHttpClient();
        var accepted = http.send(
                HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/api/analyses"))
                        .header("Authorization", authorization)
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString("{\"name\": \"beside\", \"values\": [1, 2, 3, 4]}"))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        URI location = URI.create(accepted.headers().firstValue("Location").orElseThrow());
        String body = "";
        for (int i = 0; i < 100 && !body.contains("DONE"); i++) {
            Thread.sleep(100);
            HttpRequest request = HttpRequest.newBuilder(accepted.uri().resolve(location)).header("Authorization", authorization).build();
            body = http.send(request, HttpResponse.BodyHandlers.ofString()).body();
        }
        return body;
    }

    private static Run compose(Path folder, String... arguments) throws Exception {
        List<String> base = new ArrayList<>(List.of("docker", "compose", "-f", "docker-compose.yml"));
        if (!folder.endsWith("b2b-orders-9")) {
            base.addAll(0, List.of("env", "HTTP_PORT=" + REFERENCES_PORT));
        }
        return Run.of(folder, "", Stream.concat(base.stream(), Stream.of(arguments)).toList());
    }
}
