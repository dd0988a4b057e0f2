package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
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
            stack.compose("rm", "--stop", "--force", "adminer"); // Without its profile, down does not see it.
            Docker.Output down = stack.run("docker compose down -v");
            List<String> remains = stack.remains();
            stack.close();
            assertThat(remains).as(down.text()).isEmpty();
        }
    }

    @Test
    void theServiceAnswersWhoHasDevelopmentsTokenAndItsPageEverybody() throws Exception {
        assertThat(stack.get("/api/analyses").statusCode()).isEqualTo(200);
        assertThat(stack.getAs(null, "/api/analyses").statusCode()).isEqualTo(401);
        assertThat(stack.getAs(null, "/api/swagger-ui/index.html").statusCode()).isEqualTo(200);
    }

    @Test
    void nothingIsPublishedBeyondThisHost() {
        Hardening.assertPublished(
                stack,
                "127.0.0.1:" + stack.httpPort(),
                "127.0.0.1:" + stack.variable("APP_PORT"),
                "127.0.0.1:" + stack.variable("DEBUG_PORT"),
                "127.0.0.1:" + stack.variable("DB_PORT"),
                "127.0.0.1:" + stack.variable("ADMINER_PORT"));
    }

    @Test
    void everyContainerIsHardened() {
        Hardening.assertOf(stack);
    }

    @Test
    void noPasswordIsInAnEnvironmentAnImageOrALog() throws Exception {
        Hardening.assertNoSecretIsSeen(stack, project.resolve("secrets/dev"));
    }

    @Test
    void adminerAnswersAndReachesTheDatabase() throws Exception {
        try (var page = URI.create("http://127.0.0.1:" + stack.variable("ADMINER_PORT")).toURL().openStream()) {
            assertThat(new String(page.readAllBytes(), StandardCharsets.UTF_8)).contains("<h2>Login</h2>");
        }
        stack.compose("exec", "-T", "adminer", "php", "-r", "exit(fsockopen('db', 3306) ? 0 : 1);").assertSuccess();
    }

    @Test
    void aSavedJavaFileIsServedAndOneThatDoesNotCompileIsShownThroughARestart() throws Exception {
        Path problems = problems();
        String source = Files.readString(problems);

        Files.writeString(problems, source.replace("There is no", "Here was never a"));
        await().atMost(Duration.ofSeconds(60)).until(() -> missing().contains("Here was never a"));

        int before = log().length();
        Files.writeString(problems, source + "class {");
        await().atMost(Duration.ofSeconds(60)).until(() -> log().substring(before).contains("the version before goes on serving"));
        assertThat(log().substring(before)).contains("ProblemType.java");
        assertThat(missing()).contains("Here was never a");

        stack.compose("restart", "app").assertSuccess();
        await().atMost(Duration.ofSeconds(60)).ignoreExceptions().until(() -> missing().contains("Here was never a"));

        Files.writeString(problems, source);
        await().atMost(Duration.ofSeconds(60)).until(() -> missing().contains("There is no"));
    }

    @Test
    void whatHasNeverCompiledWaitsForAChange() throws Exception {
        Path problems = problems();
        String source = Files.readString(problems);
        Files.writeString(problems, source + "class {");
        stack.compose("exec", "-T", "app", "rm", "-r", "app/target/served").assertSuccess();

        stack.compose("restart", "app").assertSuccess();
        await().atMost(Duration.ofSeconds(60)).until(() -> log().contains("there is no version before: waiting for a change"));

        Files.writeString(problems, source);
        await().atMost(Duration.ofSeconds(60)).ignoreExceptions().until(() -> missing().contains("There is no"));
        assertThat(Stack.inspect(stack.containers("app").get(0)).get("RestartCount").asInt()).isZero();
    }

    @Test
    void aSavedMigrationRunsAndADeletedOneIsGone() throws Exception {
        Path migration = project.resolve("app/src/main/resources/db/migration/V99__saved.sql");
        Files.writeString(migration, "CREATE TABLE saved (id INT PRIMARY KEY);\n");

        await().atMost(Duration.ofSeconds(60)).until(() -> log().contains("to version \"99 - saved\""));
        await().atMost(Duration.ofSeconds(60)).until(() -> stack.get("/api/analyses").statusCode() == 200);

        int before = log().length();
        Files.delete(migration);
        await().atMost(Duration.ofSeconds(60)).until(
                () -> !stack.compose("exec", "-T", "app", "ls", "app/target/served/db/migration").assertSuccess().text().contains("V99"));
        await().atMost(Duration.ofSeconds(60)).until(() -> log().substring(before).contains("Started Application"));
        await().atMost(Duration.ofSeconds(60)).until(() -> stack.get("/api/analyses").statusCode() == 200);
    }

    @Test
    void nothingIsWrittenIntoTheProject() {
        assertThat(project.resolve("app/target")).doesNotExist();
    }

    private static Path problems() throws IOException {
        try (var files = Files.walk(project.resolve("app/src/main/java"))) {
            return files.filter(file -> file.endsWith("ProblemType.java")).findFirst().orElseThrow();
        }
    }

    private static String missing() throws Exception {
        return stack.get("/api/analyses/00000000-0000-0000-0000-000000000000").body();
    }

    private static String log() {
        return stack.compose("logs", "app").text();
    }
}
