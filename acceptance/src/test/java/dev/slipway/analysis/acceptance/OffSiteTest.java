package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.gaul.s3proxy.AuthenticationType;
import org.gaul.s3proxy.S3Proxy;
import org.jclouds.ContextBuilder;
import org.jclouds.blobstore.BlobStoreContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Backups that leave the host: to real servers of S3, of SFTP and of restic's own protocol, and back on a host that has nothing. */
@ExtendWith(Docker.class)
class OffSiteTest {

    private static final String KEY = "a-key-of-more-than-20-characters";

    private static final String REMOTES = """
            x-remote: &remote {image: "rclone/rclone:1.75", user: "0:0", networks: [offsite], restart: unless-stopped}
            services:
              offsite: {extra_hosts: ["s3:${S3_HOST:-host-gateway}"]}
              sftp: {<<: *remote, command: [serve, sftp, --authorized-keys, /keys/id.pub, --key, /keys/host, --addr, ":2022", /data],
                volumes: ["sftp:/data", "./keys:/keys:ro"]}
              rest: {<<: *remote, command: [serve, restic, --append-only, --user, sender, --pass, secret-of-rest, --addr, ":8000", /data],
                volumes: ["rest:/data", "small:/data/small"]}
            secrets:
              backup_key: {file: secrets/backup_key.txt}
              backup_credentials: {file: secrets/backup_credentials}
            volumes: {sftp: {}, rest: {}, small: {driver_opts: {type: tmpfs, device: tmpfs, o: "size=16m"}}}
            """;

    @TempDir
    static Path project;

    private static Stack stack;
    private static S3Proxy s3;

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
        stack.compose("up", "--detach", "sftp", "rest").assertSuccess();
    }

    @BeforeEach
    void thereIsABackup() {
        stack.compose("up", "--detach", "--wait", "--no-recreate", "app").assertSuccess();
        if (stack.run("ls -d var/backups/20*Z").exitCode() != 0) {
            stack.script("backup.sh").assertSuccess();
        }
        stack.compose("up", "--detach", "--wait", "--no-recreate", "backup").assertSuccess();
    }

    /** Its containers reach it by the host's own address. */
    @BeforeAll
    static void s3() throws Exception {
        var buckets = ContextBuilder.newBuilder("transient-nio2").credentials("none", "none").buildView(BlobStoreContext.class).getBlobStore();
        buckets.createContainerInLocation(null, "bucket");
        s3 = S3Proxy.builder()
                .blobStore(buckets)
                .endpoint(URI.create("http://0.0.0.0:0"))
                .awsAuthentication(AuthenticationType.AWS_V4, "sender", "secret-of-s3")
                .build();
        s3.start();
    }

    @AfterAll
    static void downLeavesNothingBehind() throws Exception {
        if (s3 != null) {
            s3.stop();
        }
        if (stack != null) {
            stack.script("restore.sh", "--drop-old", "--yes");
            stack.close();
            assertThat(stack.remains()).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({"s3, s3:http://s3:PORT/bucket/of-it", "sftp, sftp://backup@sftp:2022/of-it", "rest, rest:http://rest:8000/of-it/"})
    void whatIsSentIsRestoredFromThereAndTheSame(String kind, String repository) throws Exception {
        to(kind, repository.replace("PORT", String.valueOf(s3.getPort())));

        assertThat(stack.script("backup.sh", "--send").assertSuccess().text()).contains("a new repository is at", "off the host: ", " s would be lost now");
        assertThat(stack.script("backup.sh", "--verify", "off-site").assertSuccess().text())
                .containsPattern("var/sent/20.*: restored into a throw-away container, and the same");

        assertThat(stack.run("ls -A var/sent").text()).isEmpty();
        var log = stack.compose("logs").text();
        for (String secret : List.of("secret-of-rest", "secret-of-s3", KEY)) {
            assertThat(log).doesNotContain(secret);
        }
    }

    /** On another engine, which has nothing, where SECOND_ENGINE is the address of one; else on this one, from which all is removed. */
    @Test
    void aHostThatIsLostComesBackFromItsRepositoryAndItsKey(@TempDir Path elsewhere) throws Exception {
        to("s3", "s3:http://s3:" + s3.getPort() + "/bucket/of-a-lost-host");
        sendAll();

        String engine = System.getenv("SECOND_ENGINE");
        if (engine == null) {
            System.out.println("SKIPPED: OffSiteTest on another engine, for SECOND_ENGINE is no address of one");
            lose();
            Files.delete(project.resolve("secrets/of_this_host"));
            assertComesBack(stack, project);
        } else {
            Project.copy(elsewhere);
            stack.run("cp -p .env remotes.yml '" + elsewhere + "'; cp -p secrets/backup_* '" + elsewhere + "/secrets'").assertSuccess();
            stack.run("docker save $(docker compose config --images app db offsite) | docker --host " + engine + " load").assertSuccess();
            try (Stack other = stack.on(engine, elsewhere).with("S3_HOST", Docker.run("hostname", "-I").text().split(" ")[0])) {
                assertComesBack(other, elsewhere);
                other.script("restore.sh", "--drop-old", "--yes").assertSuccess();
            }
        }
        stack.sql("DROP TABLE sent");
    }

    /** The database, what is known of the repository, and the backups are gone. */
    private static void lose() {
        stack.compose("rm", "--stop", "--force", "app", "db", "backup", "offsite").assertSuccess();
        stack.run("""
                docker volume rm $(docker volume ls -q --filter label=com.docker.compose.project=$COMPOSE_PROJECT_NAME | grep -e _db-data -e _offsite)
                rm -rf var/backups
                """).assertSuccess();
    }

    /** Sends a table, and waits until it is there. */
    private static void sendAll() throws IOException {
        stack.compose("up", "--detach", "offsite").assertSuccess();
        secret("of_this_host", "known to nobody else");
        stack.script("backup.sh", "--send").assertSuccess();
        stack.sql("CREATE TABLE sent (n INT)");
        stack.sql("INSERT INTO sent VALUES (42)");
        Instant inserted = Instant.now();
        await().atMost(Duration.ofSeconds(120)).until(() -> sent().isAfter(inserted));
        stack.compose("rm", "--stop", "--force", "offsite").assertSuccess();
    }

    private static void assertComesBack(Stack host, Path folder) {
        String text = host.script("restore.sh", "--yes", "--off-site").assertSuccess().text();
        host.compose("up", "--detach", "--wait", "--no-build", "app").assertSuccess();

        assertThat(text).contains("transactions of the log after it");
        assertThat(folder.resolve("secrets/of_this_host")).hasContent("known to nobody else");
        assertThat(host.sql("SELECT n FROM sent")).isEqualTo("42");
    }

    /** It would hide under its own backups those that it was to bring. */
    @Test
    @ExtendWith(Longer.class)
    void aNewHostThatBeganBeforeItRestoredSendsNothing() throws Exception {
        to("rest", "rest:http://rest:8000/of-two-hosts/");
        stack.sql("CREATE TABLE of_the_first_host (n INT)");
        stack.script("backup.sh").assertSuccess();
        stack.script("backup.sh", "--send").assertSuccess();
        lose();
        stack.compose("up", "--detach", "--wait", "app").assertSuccess();
        stack.script("backup.sh").assertSuccess();

        refused("of another host, and nothing was sent: bash scripts/restore.sh --off-site brings it");

        var refused = stack.script("restore.sh", "--yes", "--off-site");
        assertThat(refused.exitCode()).isNotZero();
        assertThat(refused.text()).contains("mv var/backups var/backups.here, and this again");
        stack.run("mv var/backups var/backups.here").assertSuccess();
        stack.script("restore.sh", "--yes", "--off-site").assertSuccess();
        stack.compose("up", "--detach", "--wait", "app").assertSuccess();
        assertThat(stack.sql("SHOW TABLES LIKE 'of_the_first_host'")).isEqualTo("of_the_first_host");
        stack.script("backup.sh", "--send").assertSuccess();
    }

    @Test
    @ExtendWith(Longer.class)
    void aRepositoryWhoseDiskIsFullIsSentToWhenThereIsRoom() throws Exception {
        to("rest", "rest:http://rest:8000/small/of-it/");
        stack.script("backup.sh", "--send").assertSuccess();
        inRest("cp /dev/zero /data/small/filler || true");
        stack.script("backup.sh").assertSuccess();
        var sent = CompletableFuture.supplyAsync(() -> stack.script("backup.sh", "--send"));
        Thread.sleep(15_000);
        assertThat(sent).isNotDone();

        inRest("rm /data/small/filler");

        sent.get().assertSuccess();
    }

    @Test
    void theLockOfADeadRunStopsNobody() throws Exception {
        to("sftp", "sftp://backup@sftp:2022/of-the-dead");
        stack.script("backup.sh", "--send").assertSuccess();
        stack.run("""
                yes | docker compose run --rm -T --no-deps --name $COMPOSE_PROJECT_NAME-killed offsite put configuration &
                for _ in $(seq 600); do [ -z "$(docker compose exec -T sftp ls /data/of-the-dead/locks)" ] || break; sleep 0.1; done
                docker kill $COMPOSE_PROJECT_NAME-killed
                """).assertSuccess();

        stack.script("backup.sh").assertSuccess(); // after which what is older is removed, where nobody else holds a lock
        stack.script("backup.sh", "--send").assertSuccess();
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
        stack.run("docker compose run --rm -T --no-deps --entrypoint sh offsite -c 'echo $(($(date +%s) - 7200)) > /var/tmp/sent'").assertSuccess();
        var status = stack.script("backup.sh", "--status"); // two hours later
        assertThat(status.exitCode()).isNotZero();
        assertThat(status.text()).containsPattern("off the host: 72\\d\\d s would be lost now, .*at most 3600 s are right");
        stack.compose("start", "rest").assertSuccess();
        var foreign = stack.run("docker compose run --rm -T --no-deps -e PROJECT=another offsite send");
        assertThat(foreign.exitCode()).isNotZero();
        assertThat(foreign.text()).contains("is of the project " + stack.name() + " and this is another");

        assertThat(listing()).isEqualTo(before);
        stack.run("""
                docker compose run -d --no-deps --name $COMPOSE_PROJECT_NAME-killed offsite send
                for _ in $(seq 1200); do ! docker top $COMPOSE_PROJECT_NAME-killed | grep -q 'restic.*check' || break; sleep 0.05; done
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
            case "s3" -> "[default]\naws_access_key_id=sender\naws_secret_access_key=secret-of-s3\n";
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
