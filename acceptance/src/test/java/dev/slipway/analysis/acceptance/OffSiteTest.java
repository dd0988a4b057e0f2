package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Backups that leave the host: to real servers of SFTP and of restic's own protocol, and back on a host that has nothing. There is none of
 * S3 here: Debian's rclone is built without it.
 */
@ExtendWith(Docker.class)
class OffSiteTest {

    private static final String KEY = "a-key-of-more-than-20-characters";

    private static final String REMOTES = """
            x-remote: &remote {image: "rclone/rclone:1.75", user: "0:0", networks: [offsite], restart: unless-stopped}
            services:
              sftp: {<<: *remote, command: [serve, sftp, --authorized-keys, /keys/id.pub, --key, /keys/host, --addr, ":2022", /data],
                volumes: ["sftp:/data", "./keys:/keys:ro"]}
              rest: {<<: *remote, command: [serve, restic, --append-only, --user, sender, --pass, secret-of-rest, --addr, ":8000", /data],
                volumes: ["rest:/data"]}
            secrets:
              backup_key: {file: secrets/backup_key.txt}
              backup_credentials: {file: secrets/backup_credentials}
            volumes: {sftp: {}, rest: {}}
            """;

    @TempDir
    static Path project;

    private static Stack stack;

    @BeforeAll
    static void up() throws IOException {
        Project.copy(project);
        stack = Stack.of("docker-compose.yml", "remotes.yml").in(project).profile("backup").profile("offsite")
                .with("COMPOSE_PROFILES", "backup,offsite").with("BACKUP_CPUS", "1").with("OFFSITE_CPUS", "1").with("BACKUP_SEND_INTERVAL", "5");
        Files.writeString(project.resolve(".env"), "");
        Files.writeString(project.resolve("remotes.yml"), REMOTES);
        secret("backup_key.txt", KEY);
        secret("backup_credentials", "");
        Files.createDirectory(project.resolve("keys"));
        stack.run("ssh-keygen -q -t ed25519 -N '' -f keys/id && ssh-keygen -q -t ed25519 -N '' -f keys/host").assertSuccess();
        stack.up("app");
        stack.script("backup.sh").assertSuccess();
        stack.up("backup");
        stack.compose("up", "--detach", "sftp", "rest").assertSuccess();
    }

    @AfterAll
    static void downLeavesNothingBehind() {
        if (stack != null) {
            stack.script("restore.sh", "--drop-old", "--yes");
            stack.close();
            assertThat(stack.remains()).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({"sftp, sftp://backup@sftp:2022/of-it", "rest, rest:http://rest:8000/of-it/"})
    void whatIsSentIsRestoredFromThereAndTheSame(String kind, String repository) throws Exception {
        to(kind, repository);

        assertThat(stack.script("backup.sh", "--send").assertSuccess().text()).contains("a new repository is at", "off the host: ", " s would be lost now");
        assertThat(stack.script("backup.sh", "--verify", "off-site").assertSuccess().text())
                .containsPattern("var/sent/20.*: restored into a throw-away container, and the same");

        assertThat(stack.run("ls -A var/sent").text()).isEmpty();
        var log = stack.compose("logs").text();
        for (String secret : List.of("secret-of-rest", KEY)) {
            assertThat(log).doesNotContain(secret);
        }
    }

    @Test
    void aHostThatIsLostComesBackFromItsRepositoryAndItsKey() throws Exception {
        to("rest", "rest:http://rest:8000/of-a-lost-host/");
        stack.compose("up", "--detach", "offsite").assertSuccess();
        secret("of_this_host", "known to nobody else");
        stack.script("backup.sh", "--send").assertSuccess();
        stack.sql("CREATE TABLE sent (n INT)");
        stack.sql("INSERT INTO sent VALUES (42)");
        Instant inserted = Instant.now();
        await().atMost(Duration.ofSeconds(120)).until(() -> sent().isAfter(inserted));

        stack.compose("stop", "offsite").assertSuccess();
        stack.compose("rm", "--stop", "--force", "app", "db", "backup", "offsite").assertSuccess();
        stack.run("docker volume rm " + stack.name() + "_db-data " + stack.name() + "_offsite; rm -rf secrets/of_this_host var/backups").assertSuccess();

        String text = stack.script("restore.sh", "--yes", "--off-site").assertSuccess().text();
        stack.compose("up", "--detach", "--wait", "app", "backup").assertSuccess();

        assertThat(text).contains("transactions of the log after it");
        assertThat(project.resolve("secrets/of_this_host")).hasContent("known to nobody else");
        assertThat(stack.sql("SELECT n FROM sent")).isEqualTo("42");
    }

    @Test
    void whatIsWrongWithARepositoryIsSaidInASentenceAndNothingIsSent() throws Exception {
        to("rest", "rest:http://rest:8000/of-mistakes/");
        stack.script("backup.sh", "--send").assertSuccess();
        String before = listing();

        secret("backup_key.txt", "another-key-of-more-than-20-characters");
        refused("does not open rest:http://rest:8000/of-mistakes/: put the key there that made it; nothing was written");
        secret("backup_key.txt", KEY);
        secret("backup_credentials", "sender:wrong\n");
        refused("cannot be reached");
        secret("backup_credentials", credentials("rest"));
        stack.with("BACKUP_REPOSITORY", "ftp:somewhere");
        refused("is none of sftp:..., s3:... and rest:http");
        stack.with("BACKUP_REPOSITORY", "rest:http://rest:8000/of-mistakes/");
        stack.compose("stop", "--timeout", "0", "rest").assertSuccess();
        refused("cannot be reached");
        stack.compose("start", "rest").assertSuccess();
        var foreign = stack.run("docker compose run --rm -T --no-deps -e PROJECT=another offsite send");
        assertThat(foreign.exitCode()).isNotZero();
        assertThat(foreign.text()).contains("is of the project " + stack.name() + " and this is another");

        assertThat(listing()).isEqualTo(before);
        stack.run("""
                docker compose run -d --no-deps --name $COMPOSE_PROJECT_NAME-killed offsite send
                until docker top $COMPOSE_PROJECT_NAME-killed | grep -q 'restic.*check'; do sleep 0.05; done
                docker rm -f $COMPOSE_PROJECT_NAME-killed
                """).assertSuccess();
        stack.script("backup.sh", "--send").assertSuccess();
        damage();
        refused("is damaged");
    }

    private static void refused(String message) {
        var refused = stack.run("docker compose run --rm -T --no-deps offsite send");
        assertThat(refused.exitCode()).as(refused.text()).isNotZero();
        assertThat(refused.text()).contains(message);
    }

    private static void to(String kind, String repository) throws IOException {
        secret("backup_credentials", credentials(kind));
        stack.with("BACKUP_REPOSITORY", repository);
    }

    private static String credentials(String kind) throws IOException {
        return switch (kind) {
            case "rest" -> "sender:secret-of-rest\n";
            default -> {
                String host = Files.readString(project.resolve("keys/host.pub"));
                yield Files.readString(project.resolve("keys/id")) + "[sftp]:2022 " + host;
            }
        };
    }

    private static void secret(String name, String text) throws IOException {
        Path file = project.resolve("secrets").resolve(name);
        Files.deleteIfExists(file);
        Files.setPosixFilePermissions(Files.writeString(file, text), PosixFilePermissions.fromString("r--r--r--"));
    }

    /** The last moment of which all has been sent, as scripts/backup.sh says it. */
    private static Instant sent() {
        Matcher status = Pattern.compile("off the host: .* what came after ([0-9-]+) ([0-9:]+) UTC").matcher(stack.script("backup.sh", "--status").text());
        return status.find() ? Instant.parse(status.group(1) + "T" + status.group(2) + "Z") : Instant.EPOCH;
    }

    private static String listing() {
        return inRest("cd /data/of-mistakes; find snapshots data keys -type f | sort");
    }

    /** A byte of each file of data is another one. */
    private static void damage() {
        inRest("cd /data/of-mistakes; for f in $(find data -type f); do printf X | dd of=$f bs=1 seek=100 conv=notrunc; done");
    }

    private static String inRest(String command) {
        return stack.compose("exec", "-T", "rest", "sh", "-c", command).assertSuccess().text();
    }
}
