package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** scripts/upgrade-db.sh: there, back, and what fails on the way. */
@ExtendWith(Docker.class)
class UpgradeTest {

    private static final String OLD = "mariadb:" + "10.6"; // In two parts, so that a generated project starts from it too.
    private static final String NEW = "mariadb:11.8";

    @TempDir
    static Path project;

    private static Stack stack;

    @BeforeAll
    static void up() throws IOException {
        Project.copy(project);
        Files.writeString(project.resolve(".env"), "# Kept.\nDB_IMAGE=" + OLD + "\n");
        stack = Stack.of("docker-compose.yml").in(project).up();
        stack.makeEverything();
    }

    @AfterAll
    static void downLeavesNothingBehind() {
        if (stack != null) {
            stack.script("restore.sh", "--drop-old", "--yes").assertSuccess();
            stack.close();
            assertThat(stack.remains()).isEmpty();
        }
    }

    @Test
    void aFailingUpgradeLeavesTheOldDatabaseRunning() throws Exception {
        refused("there is no image", "mariadb:0.0.0-none");
        refused("is not an image of MariaDB", Stack.inspect(stack.containers("app").get(0)).at("/Config/Image").asString());

        // One that does not start at all, and one that starts for the restore alone.
        refused("nothing was changed", image("exit 1"));
        refused("runs on", image("case $* in *--skip-networking*) exec official-entrypoint.sh \"$@\" ;; *) exit 1 ;; esac"));
    }

    @Test
    @ExtendWith(Longer.class)
    void aRestartOfTheOldDatabaseEndsTheUpgradeAndNothingAcknowledgedIsLost() throws Exception {
        String image = image("case $* in *--skip-networking*) until [ -e /tmp/go ]; do sleep 0.2; done ;; esac\nexec official-entrypoint.sh \"$@\"");
        String settings = Files.readString(project.resolve(".env"));
        var upgrade = CompletableFuture.supplyAsync(() -> stack.script("upgrade-db.sh", "--yes", image));
        await().atMost(Duration.ofMinutes(5)).until(() -> !restoring().isEmpty() || upgrade.isDone());

        stack.compose("restart", "db").assertSuccess();
        await().atMost(Duration.ofMinutes(2)).ignoreExceptions().until(() -> stack.submit("after-the-restart").statusCode() == 202);
        Docker.run("docker", "exec", restoring(), "touch", "/tmp/go").assertSuccess();

        var ended = upgrade.get();
        assertThat(ended.exitCode()).as(ended.text()).isNotZero();
        assertThat(ended.text()).contains("the database was started again meanwhile");
        assertThat(Files.readString(project.resolve(".env"))).isEqualTo(settings);
        assertThat(rows("after-the-restart")).isNotEmpty();
        await().atMost(Duration.ofMinutes(1)).until(() -> stack.submit("after-the-end").statusCode() == 202);
    }

    /** The container that restores. */
    private static String restoring() {
        return Docker.run("docker", "ps", "--no-trunc", "--format", "{{.ID}} {{.Command}}", "--filter",
                        "label=com.docker.compose.project=" + stack.name())
                .text().lines().filter(line -> line.endsWith("dump.sh load\"")).map(line -> line.split(" ")[0]).findFirst().orElse("");
    }

    @Test
    void theDataIsCarriedThereAndBackAndNothingAcknowledgedIsLost() throws Exception {
        for (int i = 0; i < 50; i++) {
            stack.submit("before-" + i);
        }
        Set<String> acknowledged = new ConcurrentSkipListSet<>();
        Set<Integer> answersToReads = new ConcurrentSkipListSet<>();
        Set<Integer> answersToWrites = new ConcurrentSkipListSet<>();
        AtomicBoolean stop = new AtomicBoolean();
        AtomicInteger sent = new AtomicInteger();
        Thread client = new Thread(() -> {
            while (!stop.get()) {
                try {
                    String name = "during-" + sent.incrementAndGet();
                    var response = stack.submit(name);
                    answersToWrites.add(response.statusCode());
                    if (response.statusCode() == 202) {
                        acknowledged.add(name);
                    } else {
                        assertThat(response.headers().firstValue("Content-Type")).hasValue("application/problem+json");
                    }
                    answersToReads.add(stack.get("/api/analyses").statusCode());
                } catch (IOException e) {
                    answersToWrites.add(-1);
                } catch (InterruptedException e) {
                    return;
                }
            }
        });
        stack.script("backup.sh").assertSuccess();
        stack.submit("before-the-moment");
        String before = rows("before-");
        Instant moment = Instant.now().plusSeconds(1);
        await().until(() -> Instant.now().isAfter(moment.plusSeconds(1)));
        client.start();

        stack.script("upgrade-db.sh", "--yes", NEW).assertSuccess();

        await().atMost(Duration.ofSeconds(30)).until(() -> {
            int size = acknowledged.size();
            Thread.sleep(500);
            return acknowledged.size() > size;
        });
        stop.set(true);
        client.join();
        assertThat(stack.sql("SELECT VERSION()")).startsWith("11.8.");
        assertThat(rows("before-")).isEqualTo(before);
        assertThat(stack.sql("SELECT GROUP_CONCAT(b) FROM hidden")).isEqualTo("2,7");
        // Time ends in 2038 there and in 2106 here; what has not ended must not become history.
        assertThat(stack.sql("SELECT v FROM versioned ORDER BY id").lines()).containsExactly("new", "2038-01-19 03:14:07.999999");
        assertThat(stack.sql("SELECT COUNT(*) FROM versioned FOR SYSTEM_TIME ALL")).isEqualTo("4");
        assertThat(stack.sql("SELECT name FROM analysis WHERE name LIKE 'during-%'").lines()).containsAll(acknowledged);
        assertThat(answersToWrites).isSubsetOf(Set.of(202, 503)).contains(503);
        assertThat(answersToReads).isSubsetOf(Set.of(200, 503)).contains(200);
        assertThat(Files.readString(project.resolve(".env")))
                .matches("# Kept\\.\nDB_IMAGE=" + NEW + "\nDB_VOLUME=db-data-\\d{8}T\\d{6}Z\n");

        // What the older version does not know is carried, too.
        Pattern.compile("(?ms)^/\\*M!11\\d+ (.*?) \\*/;$").matcher(Files.readString(project.resolve("everything.sql"))).results()
                .forEach(newer -> stack.sql(newer.group(1)));
        stack.script("backup.sh").assertSuccess();
        stack.script("backup.sh", "--verify").assertSuccess();

        var again = stack.script("upgrade-db.sh", "--yes", NEW).assertSuccess();
        assertThat(again.text()).contains("already");
        refused("data cannot be carried back", OLD);

        if (Longer.isOn("UpgradeTest.theDataIsCarriedThereAndBackAndNothingAcknowledgedIsLost, a moment before the upgrade")) {
            // No service copied the log: the upgrade itself did.
            stack.script("restore.sh", "--yes", "--to", moment.toString().replaceAll("\\.\\d+", "")).assertSuccess();
            assertThat(stack.sql("SELECT VERSION()")).startsWith("11.8.");
            assertThat(rows("before-")).isEqualTo(before);
            assertThat(rows("during-")).isEmpty();
            stack.script("restore.sh", "--back", "--yes").assertSuccess();
            assertThat(stack.sql("SELECT name FROM analysis WHERE name LIKE 'during-%'").lines()).containsAll(acknowledged);
        }

        stack.script("restore.sh", "--back", "--yes").assertSuccess();

        assertThat(stack.sql("SELECT VERSION()")).startsWith("10.");
        assertThat(rows("before-")).isEqualTo(before);
        assertThat(stack.submit("after-the-way-back").statusCode()).isEqualTo(202);
    }

    private static void refused(String message, String image) throws Exception {
        String version = stack.sql("SELECT VERSION()");
        String rows = rows("");

        var upgrade = stack.script("upgrade-db.sh", "--yes", image);

        assertThat(upgrade.exitCode()).isNotZero();
        assertThat(upgrade.text()).contains(message);
        assertThat(stack.sql("SELECT VERSION()")).isEqualTo(version);
        assertThat(rows("")).isEqualTo(rows);
        assertThat(stack.submit("after-" + Integer.toHexString(upgrade.hashCode())).statusCode()).isEqualTo(202);
    }

    /** The rows of these names, once no worker changes them any more. */
    private static String rows(String prefix) {
        await().atMost(Duration.ofSeconds(60)).until(() -> stack.sql("SELECT COUNT(*) FROM analysis WHERE status <> 'DONE'").equals("0"));
        return stack.sql("SELECT analysis.*, doubles FROM analysis LEFT JOIN analysis_values ON analysis_id = id WHERE name LIKE '" + prefix
                + "%' ORDER BY id");
    }

    /** The newer image, with an entrypoint that does this. */
    private static String image(String entrypoint) throws IOException {
        Path folder = Files.createTempDirectory(project, "image");
        Files.writeString(folder.resolve("entrypoint.sh"), "#!/usr/bin/env bash\n" + entrypoint + "\n");
        Files.writeString(folder.resolve("Dockerfile"), "FROM " + NEW + """

                RUN mv /usr/local/bin/docker-entrypoint.sh /usr/local/bin/official-entrypoint.sh
                COPY --chmod=755 entrypoint.sh /usr/local/bin/docker-entrypoint.sh
                """);
        String name = stack.name() + ":" + folder.getFileName();
        Docker.run("docker", "build", "-q", "-t", name, folder.toString()).assertSuccess();
        return name;
    }
}
