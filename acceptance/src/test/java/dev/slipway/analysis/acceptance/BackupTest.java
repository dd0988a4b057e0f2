package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** scripts/backup.sh, scripts/restore.sh and the service backup, on the base layer in a copy of the project. */
@ExtendWith(Docker.class)
class BackupTest {

    @TempDir
    static Path project;

    private static Stack stack;

    @BeforeAll
    static void up() throws IOException {
        Project.copy(project);
        stack = Stack.of("docker-compose.yml").in(project).up();
        stack.makeEverything();
        stack.sql("UPDATE everything SET bytes = REPEAT(x'00ff27', 5500000) WHERE id = 1");
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
    void aRestoreGivesBackTheRowsOfTheBackupsMomentByteForByte() throws Exception {
        String volume = databaseVolume();
        List<Writer> writers = IntStream.range(0, 3).mapToObj(Writer::new).toList();
        writers.forEach(Thread::start);
        await().atMost(Duration.ofSeconds(60)).until(() -> writers.stream().allMatch(writer -> writer.acknowledged.get() >= 20));

        List<Integer> before = writers.stream().map(writer -> writer.acknowledged.get()).toList();
        Path backup = backUp();
        List<Integer> after = writers.stream().map(writer -> writer.sent.get()).toList();

        await().atMost(Duration.ofSeconds(60))
                .until(() -> writers.stream().allMatch(writer -> writer.acknowledged.get() >= after.get(writer.number) + 20));
        for (Writer writer : writers) {
            writer.stop.set(true);
            writer.join();
        }
        stack.compose("rm", "--stop", "--force", "db").assertSuccess();
        Docker.run("docker", "volume", "rm", volume).assertSuccess();

        stack.script("restore.sh", "--yes", project.relativize(backup).toString()).assertSuccess();
        stack.compose("up", "--detach", "--wait", "--no-deps", "db").assertSuccess();

        assertThat(dump()).isEqualTo(statements(unzipped(backup)));
        for (Writer writer : writers) {
            List<String> names = stack.sql("SELECT name FROM analysis WHERE name LIKE 'writer-"
                            + writer.number + "-%' ORDER BY LENGTH(name), name")
                    .lines()
                    .toList();
            // One after the other, so that any moment is a beginning of the sequence.
            assertThat(names).isEqualTo(IntStream.range(0, names.size()).mapToObj(writer::name).toList());
            assertThat(names.size()).isBetween(before.get(writer.number), after.get(writer.number));
        }
        assertThat(stack.sql("SELECT SHA2(bytes, 256) FROM everything WHERE id = 1"))
                .isEqualTo(sha256(HexFormat.of().parseHex("00ff27".repeat(5_500_000))));

        stack.compose("up", "--detach", "--wait").assertSuccess();
        assertThat(stack.submit("after-the-restore").statusCode()).isEqualTo(202);
    }

    @Test
    void aRestoreSwitchesARunningStackOverAndCanBeUndone() throws Exception {
        stack.submit("before-the-backup");
        Path backup = backUp();
        stack.submit("after-the-backup");
        String volume = databaseVolume();

        stack.script("restore.sh", "--yes", backup.toString()).assertSuccess();

        String restored = databaseVolume();
        assertThat(restored).isNotEqualTo(volume);
        assertThat(names()).contains("before-the-backup").doesNotContain("after-the-backup");
        assertThat(metric("backup_last_verified_restore_timestamp_seconds")).isGreaterThan(Instant.now().getEpochSecond() - 300);

        stack.script("restore.sh", "--back", "--yes").assertSuccess();

        assertThat(databaseVolume()).isEqualTo(volume);
        assertThat(names()).contains("before-the-backup", "after-the-backup");

        stack.script("restore.sh", "--drop-old", "--yes").assertSuccess();

        assertThat(Docker.run("docker", "volume", "inspect", restored).exitCode()).isNotZero();
        assertThat(stack.submit("after-the-removal").statusCode()).isEqualTo(202);
    }

    interface Damage {
        void to(Path backup) throws IOException;
    }

    static Stream<Arguments> damages() {
        return Stream.of(
                damage("is damaged: dump.sql.gz", backup -> edit(backup.resolve("dump.sql.gz"), bytes -> Arrays.copyOf(bytes, bytes.length / 2))),
                damage("is damaged: dump.sql.gz", backup -> edit(backup.resolve("dump.sql.gz"), BackupTest::flipped)),
                damage("is damaged: dump.sql.gz", backup -> edit(backup.resolve("dump.sql.gz"), bytes -> new byte[0])),
                damage("is damaged: its manifest", backup -> edit(backup.resolve("manifest"), BackupTest::flipped)),
                damage("is damaged: its manifest", backup -> edit(backup.resolve("SHA256SUMS"), bytes -> new byte[0])),
                damage("it has no dump.sql.gz", backup -> Files.delete(backup.resolve("dump.sql.gz"))),
                damage("it has no SHA256SUMS", backup -> Files.delete(backup.resolve("SHA256SUMS"))),
                damage("is not whole", backup -> {
                    replaceDump(backup, unzipped(backup).replace("-- Dump completed", ""));
                    sign(backup);
                }),
                damage("is of the project elsewhere", backup -> {
                    editText(backup.resolve("manifest"), text -> text.replaceFirst("project .*", "project elsewhere"));
                    sign(backup);
                }),
                damage("is of MariaDB 99.1", backup -> {
                    editText(backup.resolve("manifest"), text -> text.replaceFirst("server .*", "server 99.1.2"));
                    sign(backup);
                }),
                damage("table without_key: rows 3 instead of 4", backup -> {
                    editText(backup.resolve("manifest"), text -> text.replaceFirst("table without_key 3", "table without_key 4"));
                    sign(backup);
                }));
    }

    @ParameterizedTest
    @MethodSource("damages")
    void aDamagedOrForeignBackupIsRefusedAndNothingIsTouched(String message, Damage damage) throws Exception {
        Path backup = copyOf(backup());
        damage.to(backup);
        Object before = state();

        var refused = stack.script("restore.sh", "--yes", backup.toString());

        assertThat(refused.exitCode()).as(refused.text()).isNotZero();
        assertThat(refused.text()).contains(message);
        assertThat(state()).isEqualTo(before);
        assertThat(stack.get("/api/analyses").statusCode()).isEqualTo(200);
        if (message.startsWith("table")) { // The others end at the same check, before a server is started.
            var unverified = stack.script("backup.sh", "--verify", backup.toString());
            assertThat(unverified.exitCode()).isNotZero();
            assertThat(unverified.text()).contains(message);
        }
    }

    @Test
    void aRestoreAsksAndWithoutATerminalEnds() throws Exception {
        Path backup = backup();
        String volume = databaseVolume();

        var unasked = stack.script("restore.sh", backup.toString());

        assertThat(unasked.exitCode()).isNotZero();
        assertThat(unasked.text()).contains("Add --yes");
        assertThat(databaseVolume()).isEqualTo(volume);
    }

    @Test
    void verifyRestoresIntoAThrowAwayContainerAndLeavesNothing() throws Exception {
        Path backup = backUp();
        Object before = state();

        var verified = stack.script("backup.sh", "--verify").assertSuccess();

        assertThat(verified.text().strip())
                .isEqualTo("var/backups/" + backup.getFileName() + ": restored into a throw-away container, and the same");
        assertThat(metric("backup_last_verified_restore_timestamp_seconds")).isGreaterThan(Instant.now().getEpochSecond() - 120);
        assertThat(state()).isEqualTo(before);
    }

    @Test
    void whatABackupDoesNotHoldIsNamedWhenItIsMadeAndBeforeItIsRestored() throws Exception {
        stack.sql("""
                CREATE TABLE shrinks (a INT, b INT);
                CREATE VIEW broken AS SELECT b FROM shrinks;
                CREATE USER reporting@'%';
                GRANT SELECT ON app.* TO reporting@'%';
                CREATE DEFINER = reporting@'%' VIEW of_the_team AS SELECT a FROM shrinks;
                CREATE VIEW upon_it AS SELECT a FROM of_the_team;
                ALTER TABLE shrinks DROP b;
                CREATE DATABASE elsewhere;
                CREATE TABLE elsewhere.t (a INT);
                CREATE VIEW of_elsewhere AS SELECT a FROM elsewhere.t;
                CREATE VIEW upon_elsewhere AS SELECT s.a FROM shrinks s JOIN of_elsewhere o ON s.a = o.a;
                CREATE USER app@localhost;
                INSTALL SONAME 'locales';
                """);
        try {
            String text = stack.script("backup.sh").assertSuccess().text();
            assertThat(text).endsWith(" MB; not in it: view broken, view of_elsewhere, view upon_elsewhere,"
                    + " account app@localhost, account reporting@%, database elsewhere, plugin LOCALES\n");
            Path backup = backups().get(backups().size() - 1);
            assertThat(Files.readString(backup.resolve("manifest"))).containsPattern("left-out view broken: .*references invalid.*: CREATE .*`b`");

            assertThat(stack.script("restore.sh", "--yes", backup.toString()).assertSuccess().text())
                    .containsSubsequence("view of_the_team has the definer `reporting`@`%`", "not restored: view broken", "restoring into");

            assertThat(stack.sql("SELECT COUNT(*) FROM upon_it")).isEqualTo("0");
            assertThat(stack.sql("SHOW GRANTS FOR reporting@'%'")).contains("GRANT SELECT, EXECUTE ON `app`.*");
        } finally {
            stack.sql("DROP VIEW IF EXISTS broken, upon_it, of_the_team, upon_elsewhere, of_elsewhere; DROP TABLE shrinks;"
                    + " DROP USER IF EXISTS reporting@'%', app@localhost; DROP DATABASE IF EXISTS elsewhere; UNINSTALL SONAME IF EXISTS 'locales'");
            for (Path made : backups()) { // A copy of the last one would bring them back.
                Docker.run("rm", "-r", made.toString()).assertSuccess();
            }
        }
    }

    @Test
    void aBackupThatHasNoRoomIsNotBegunAndOneUnderWayIsHealthy() {
        String volume = stack.name() + "-small";
        Docker.run("docker", "volume", "create", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m,uid=999", volume)
                .assertSuccess();
        try {
            var full = stack.compose("--profile", "backup", "run", "--rm", "-T", "--no-deps", "-v", volume + ":/backups", "backup", "make");
            assertThat(full.exitCode()).as(full.text()).isNotZero();
            assertThat(full.text()).containsPattern("the ones before are kept: var/backups/ has 1 MB free, and a backup may take [0-9]+ MB");

            stack.compose("--profile", "backup", "run", "--rm", "-T", "--no-deps", "-v", volume + ":/backups", "--entrypoint", "bash", "backup",
                            "-ec", """
                            healthy() { bash /usr/local/bin/dump.sh healthy; }
                            if healthy; then echo none was made; exit 1; fi
                            partial=/backups/$(date -u +%Y-%m-%dT%H%M%SZ).partial
                            mkdir $partial
                            healthy
                            touch -d '-1 hour' $partial
                            if healthy; then echo it stands still; exit 1; fi
                            """)
                    .assertSuccess();
        } finally {
            Docker.run("docker", "volume", "rm", volume);
        }
    }

    @Test
    void whatIsTooOldIsRemovedButNeverTheLastGoodOne() throws Exception {
        Path old = project.resolve("var/backups/2020-01-01T000000Z");
        Path unfinished = project.resolve("var/backups/2020-01-02T000000Z.partial");
        backup();
        Docker.run("cp", "-a", backup().toString(), old.toString()).assertSuccess();
        for (Path other : backups()) {
            if (!other.equals(old)) {
                Docker.run("rm", "-r", other.toString()).assertSuccess();
            }
        }
        Files.createDirectory(unfinished);

        stack.compose("stop", "db").assertSuccess();
        var failed = stack.script("backup.sh");
        stack.compose("up", "--detach", "--wait", "--no-recreate", "db").assertSuccess();
        assertThat(failed.exitCode()).isNotZero();
        assertThat(failed.text()).contains("docker compose up -d db");
        assertThat(backups()).containsExactly(old);

        Path first = backUp();
        assertThat(backups()).containsExactly(first);
        assertThat(unfinished).doesNotExist();

        Path second = backUp();
        assertThat(backups()).containsExactly(first, second);

        stack.with("BACKUP_KEEP_DAYS", "0");
        Path last = backUp();
        stack.with("BACKUP_KEEP_DAYS", "14");
        assertThat(backups()).containsExactly(last);
    }

    @Test
    void othersOfTheHostCannotReadABackup() throws Exception {
        Path backup = backup();

        for (Path path : List.of(project.resolve("var/backups"), backup, backup.resolve("dump.sql.gz"), backup.resolve("manifest"))) {
            assertThat(Files.getPosixFilePermissions(path).toString()).as(path.toString()).doesNotContain("OTHERS");
        }
    }

    @Test
    void theScheduledServiceMakesBackupsAndIsUnhealthyAfterAFailure() throws Exception {
        backup();
        int before = backups().size();
        stack.with("BACKUP_INTERVAL", "3");
        stack.with("BACKUP_CPUS", "1"); // To ask a service every second costs more than its tenth of a core.
        try {
            stack.compose("--profile", "backup", "up", "--detach", "--wait", "--no-deps", "backup").assertSuccess();
            await().atMost(Duration.ofSeconds(180)).until(() -> backups().size() >= before + 2);
            await().atMost(Duration.ofSeconds(90)).until(() -> metric("backup_last_success_timestamp_seconds") > Instant.now().getEpochSecond() - 60);
            await().atMost(Duration.ofSeconds(90)).untilAsserted(() -> assertThat(metric("backup_last_size_bytes"))
                    .isEqualTo(Files.size(backups().get(backups().size() - 1).resolve("dump.sql.gz"))));
            assertThat(health()).isEqualTo("healthy");
            assertThat(metric("backup_interval_seconds")).isEqualTo(3);

            stack.compose("stop", "db").assertSuccess();
            await().atMost(Duration.ofSeconds(120)).until(() -> !checks());
            stack.compose("start", "db").assertSuccess();
            await().atMost(Duration.ofSeconds(120)).until(BackupTest::checks);
        } finally {
            stack.with("BACKUP_INTERVAL", "86400");
            stack.with("BACKUP_CPUS", "0.1");
            stack.compose("--profile", "backup", "rm", "--stop", "--force", "backup");
            stack.compose("up", "--detach", "--wait", "--no-recreate");
        }
    }

    /** A client that submits one analysis after the other, each until it is acknowledged. */
    private static class Writer extends Thread {

        final int number;
        final AtomicInteger sent = new AtomicInteger();
        final AtomicInteger acknowledged = new AtomicInteger();
        final AtomicBoolean stop = new AtomicBoolean();

        Writer(int number) {
            this.number = number;
        }

        String name(int i) {
            return "writer-" + number + "-" + i;
        }

        @Override
        public void run() {
            while (!stop.get()) {
                String name = name(sent.getAndIncrement());
                await().atMost(Duration.ofSeconds(60)).ignoreExceptions().until(() -> stack.submit(name).statusCode() == 202);
                acknowledged.incrementAndGet();
            }
        }
    }

    private static Path backUp() {
        String text = stack.script("backup.sh").assertSuccess().text();
        assertThat(text).matches("(?s).*var/backups/[0-9TZ-]+: \\d+ rows in \\d+ tables, Flyway \\d+, [0-9.]+ MB\n");
        return project.resolve(text.replaceAll("(?s).*(var/backups/[0-9TZ-]+): .*", "$1"));
    }

    /** One that is there, or a new one. */
    private static Path backup() throws IOException {
        List<Path> backups = Files.exists(project.resolve("var/backups")) ? backups() : List.of();
        return backups.isEmpty() ? backUp() : backups.get(backups.size() - 1);
    }

    private static List<Path> backups() throws IOException {
        try (Stream<Path> folders = Files.list(project.resolve("var/backups"))) {
            return folders.filter(folder -> folder.getFileName().toString().matches("[0-9TZ-]+")).sorted().toList();
        }
    }

    private static Path copyOf(Path backup) throws IOException {
        Path copy = Files.createTempDirectory(project, "copied-back");
        for (String file : List.of("SHA256SUMS", "manifest", "dump.sql.gz")) {
            Files.copy(backup.resolve(file), copy.resolve(file));
        }
        return copy;
    }

    /** The database as mariadb-dump tells it, without the comments, in which host and user stand. */
    private static List<String> dump() {
        return statements(stack.compose("exec", "-T", "db", "bash", "-c",
                        "mariadb-dump " + Stack.AS_ROOT
                                + " $(mariadb-dump --help | grep -om 1 -e --dump-history) --routines --triggers --events --hex-blob"
                                + " --complete-insert --skip-extended-insert --skip-add-locks --no-autocommit"
                                + " --order-by-primary --max-allowed-packet=1G --add-drop-database --databases app")
                .assertSuccess()
                .text());
    }

    private static List<String> statements(String dump) {
        assertThat(dump).contains("-- Dump completed");
        return dump.lines().filter(line -> !line.startsWith("--")).toList();
    }

    private static String unzipped(Path backup) throws IOException {
        try (InputStream dump = new GZIPInputStream(Files.newInputStream(backup.resolve("dump.sql.gz")))) {
            return new String(dump.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String databaseVolume() {
        for (var mount : Stack.inspect(stack.containers("db").get(0)).get("Mounts")) {
            if (mount.path("Destination").asString().equals("/var/lib/mysql")) {
                return mount.get("Name").asString();
            }
        }
        throw new AssertionError("the database has no volume");
    }

    /** Everything that a refused restore must not touch. */
    private static Object state() {
        return List.of(stack.containers(), databaseVolume(), volumes());
    }

    private static Set<String> volumes() {
        return Docker.run("docker", "volume", "ls", "-q").text().lines()
                .filter(volume -> volume.startsWith(stack.name()))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static String names() {
        return stack.sql("SELECT name FROM analysis");
    }

    /** What Docker asks every half a minute. */
    private static boolean checks() {
        return stack.exec("backup", "bash", "/usr/local/bin/dump.sh", "healthy").exitCode() == 0;
    }

    private static String health() {
        return Stack.inspect(stack.compose("--profile", "backup", "ps", "-q", "backup").text().strip()).at("/State/Health/Status").asString();
    }

    /** As node-exporter sees it: another user, another mount. */
    private static long metric(String name) {
        String image = Stack.inspect(stack.containers("db").get(0)).at("/Config/Image").asString();
        String file = Docker.run("docker", "run", "--rm", "--user", "65534:65534", "--network", "none",
                        "-v", stack.name() + "_backup-metrics:/textfile:ro", "--entrypoint", "cat", image, "/textfile/backup.prom")
                .assertSuccess()
                .text();
        return file.lines().filter(line -> line.startsWith(name + " ")).mapToLong(line -> Long.parseLong(line.substring(name.length() + 1)))
                .findFirst().orElseThrow();
    }

    private static Arguments damage(String message, Damage damage) {
        return arguments(message, damage);
    }

    private static byte[] flipped(byte[] bytes) {
        bytes[bytes.length * 2 / 3] ^= 4;
        return bytes;
    }

    private static void edit(Path file, UnaryOperator<byte[]> change) throws IOException {
        Files.write(file, change.apply(Files.readAllBytes(file)));
    }

    private static void editText(Path file, UnaryOperator<String> change) throws IOException {
        String text = Files.readString(file);
        assertThat(change.apply(text)).isNotEqualTo(text);
        Files.writeString(file, change.apply(text));
    }

    private static void replaceDump(Path backup, String dump) throws IOException {
        try (var out = new GZIPOutputStream(Files.newOutputStream(backup.resolve("dump.sql.gz")))) {
            out.write(dump.getBytes(StandardCharsets.UTF_8));
        }
    }

    /** New checksums, as somebody's own tool might leave them. */
    private static void sign(Path backup) throws IOException {
        List<String> sums = new ArrayList<>();
        for (String file : List.of("manifest", "dump.sql.gz")) {
            sums.add(sha256(Files.readAllBytes(backup.resolve(file))) + "  " + file);
        }
        Files.write(backup.resolve("SHA256SUMS"), sums);
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new UncheckedIOException(new IOException(e));
        }
    }
}
