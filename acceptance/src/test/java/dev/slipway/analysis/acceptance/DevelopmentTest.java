package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What docker compose up starts, looked at from outside, in a copy of the project that is edited meanwhile. */
@ExtendWith(Docker.class)
class DevelopmentTest {

    @TempDir
    static Path project;

    private static Stack stack;

    @BeforeAll
    static void up() throws IOException {
        Project.copy(project);
        stack = Stack.of("docker-compose.yml", "docker-compose.override.yml")
                .profile("dev")
                .in(project)
                .up();
    }

    @AfterAll
    static void downLeavesNothingBehind() {
        if (stack != null) {
            stack.close();
            assertThat(stack.remains()).isEmpty();
        }
    }

    @Test
    void everythingAnswersAndOnlyTheGatewayIsPublishedBeyondThisHost() throws Exception {
        assertThat(stack.get("/api/analyses").statusCode()).isEqualTo(200);
        assertThat(stack.get("/api/swagger-ui/index.html").statusCode()).isEqualTo(200);

        Set<String> beyond = new TreeSet<>();
        for (String container : stack.containers()) {
            Stack.inspect(container).at("/NetworkSettings/Ports").forEach(bindings -> bindings.forEach(binding -> {
                if (!binding.path("HostIp").asString().equals("127.0.0.1")) {
                    beyond.add(binding.path("HostPort").asString());
                }
            }));
        }
        assertThat(beyond).containsExactly(stack.httpPort());
    }

    @Test
    void adminerAnswersAndReachesTheDatabase() throws Exception {
        try (var page = URI.create("http://127.0.0.1:" + stack.port("ADMINER_PORT")).toURL().openStream()) {
            assertThat(new String(page.readAllBytes(), StandardCharsets.UTF_8)).contains("<h2>Login</h2>");
        }
        stack.compose("exec", "-T", "adminer", "php", "-r", "exit(fsockopen('db', 3306) ? 0 : 1);").assertSuccess();
    }

    @Test
    void aSavedJavaFileIsServedAndOneThatDoesNotCompileIsShown() throws Exception {
        Path problems;
        try (var files = Files.walk(project.resolve("app/src/main/java"))) {
            problems = files.filter(file -> file.endsWith("ProblemType.java")).findFirst().orElseThrow();
        }
        String source = Files.readString(problems);

        Files.writeString(problems, source.replace("There is no", "Here was never a"));
        await().atMost(Duration.ofSeconds(60)).until(() -> missing().contains("Here was never a"));

        Files.writeString(problems, source + "class {");
        await().atMost(Duration.ofSeconds(60)).until(() -> log().contains("hot-reload: not compiled"));
        assertThat(log()).contains("ProblemType.java");
        assertThat(missing()).contains("Here was never a");

        Files.writeString(problems, source);
        await().atMost(Duration.ofSeconds(60)).until(() -> missing().contains("There is no"));
    }

    @Test
    void aSavedMigrationRuns() throws Exception {
        Files.writeString(
                project.resolve("app/src/main/resources/db/migration/V99__saved.sql"), "CREATE TABLE saved (id INT PRIMARY KEY);\n");

        await().atMost(Duration.ofSeconds(60)).until(() -> log().contains("to version \"99 - saved\""));
        await().atMost(Duration.ofSeconds(60)).until(() -> stack.get("/api/analyses").statusCode() == 200);
    }

    @Test
    void nothingIsWrittenIntoTheProject() {
        assertThat(project.resolve("app/target")).doesNotExist();
    }

    private static String missing() throws Exception {
        return stack.get("/api/analyses/00000000-0000-0000-0000-000000000000").body();
    }

    private static String log() {
        return stack.compose("logs", "app").text();
    }
}
