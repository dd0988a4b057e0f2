package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The copy of the binary log, and scripts/restore.sh to a moment of it, on the base layer in a copy of the project. */
@ExtendWith(Docker.class)
class RecoveryTest {

    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").withZone(ZoneOffset.UTC);
    private static final String CLIENT = "mariadb " + Stack.AS_ROOT;
    private static final Pattern STATUS = Pattern.compile("here: (-?\\d+) s would be lost now, what came after ([0-9-]+ [0-9:]+) UTC.*", Pattern.DOTALL);

    @TempDir
    static Path project;

    private static Stack stack;
    private static boolean ownDisk;

    @BeforeAll
    static void up() throws IOException {
        Project.copy(project);
        Path backups = Files.createDirectories(project.resolve("var/backups"));
        ownDisk = Docker.run("mount", "-t", "tmpfs", "-o", "size=512m", "tmpfs", backups.toString()).exitCode() == 0;
        stack = Stack.of("docker-compose.yml").in(project).profile("backup").with("BACKUP_CPUS", "1");
        stack.up("app");
        stack.script("backup.sh").assertSuccess();
        stack.up("backup");
    }

    @AfterAll
    static void downLeavesNothingBehind() {
        if (stack != null) {
            stack.script("restore.sh", "--drop-old", "--yes").assertSuccess();
            stack.close();
            assertThat(stack.remains()).isEmpty();
        }
        if (ownDisk) {
            Docker.run("umount", project.resolve("var/backups").toString()).assertSuccess();
        }
    }

    @BeforeEach
    void counted() {
        stack.compose("up", "--detach", "--wait", "--no-recreate", "db", "backup").assertSuccess();
        stack.sql("CREATE OR REPLACE TABLE counted (n INT PRIMARY KEY)");
    }

    @Test
    void aDroppedTableComesBackAsItWasASecondBefore() throws Exception {
        try (Writer writer = new Writer()) {
            writer.untilAcknowledged(50);
        }
        Instant before = Instant.now().plusSeconds(1);
        await().until(() -> Instant.now().isAfter(before.plusSeconds(1)));
        stack.sql("DROP TABLE counted");
        stack.sql("CREATE TABLE of_later (n INT)");

        String text = restore("--to", TIME.format(before));

        assertThat(text).contains("transactions of the log after it");
        assertThat(rows()).isEqualTo(1 + max()).isGreaterThan(50);
        assertThat(stack.sql("SHOW TABLES LIKE 'of_later'")).isEmpty();
        assertThat(stack.script("backup.sh", "--status").assertSuccess().text()).matches(STATUS);

        if (!Longer.isOn("RecoveryTest.aDroppedTableComesBackAsItWasASecondBefore, restored once more")) {
            return;
        }
        stack.sql("DROP TABLE counted");
        restore("--to", TIME.format(before)); // of the log before the first restore, which another one has followed
        assertThat(rows()).isEqualTo(1 + max()).isGreaterThan(50);
    }

    @ParameterizedTest
    @ValueSource(strings = {"db", "db backup"})
    void afterAKillExactlyWhatStatusPromisedComesBack(String killed) throws Exception {
        NavigableMap<Instant, Integer> acknowledged;
        try (Writer writer = new Writer()) {
            acknowledged = writer.acknowledged;
            writer.untilAcknowledged(20);
            Thread.sleep(ThreadLocalRandom.current().nextInt(7_000));
            Stream.of(killed.split(" ")).parallel().forEach(stack::kill);
            Thread.sleep(ThreadLocalRandom.current().nextInt(1_000));
            stack.compose("stop", "--timeout", "0", "backup").assertSuccess();
            stack.compose("rm", "--stop", "--force", "db").assertSuccess(); // the host's disk is gone, and what was copied is there
        }
        Matcher status = STATUS.matcher(stack.script("backup.sh", "--status").text());
        assertThat(status.matches()).isTrue();
        Instant promised = TIME.parse(status.group(2), Instant::from);

        restore("--to", "latest");
        stack.compose("up", "--detach", "--wait", "db", "backup").assertSuccess();

        assertThat(rows()).isEqualTo(1 + max());
        var last = acknowledged.headMap(promised, true).lastEntry();
        assertThat(max()).isGreaterThanOrEqualTo(last == null ? -1 : last.getValue());
        stack.script("backup.sh").assertSuccess();
    }

    @Test
    @ExtendWith(Longer.class)
    void afterAKillOfTheServiceAloneToo() throws Exception {
        afterAKillExactlyWhatStatusPromisedComesBack("backup");
    }

    @Test
    void aTransactionIsLeftOutByItsNumber() throws Exception {
        stack.sql("INSERT INTO counted VALUES (0)");
        stack.sql("INSERT INTO counted VALUES (1)");
        String number = stack.sql("SELECT @@gtid_binlog_pos");
        stack.sql("INSERT INTO counted VALUES (2)");

        restore("--before-gtid", number);

        assertThat(stack.sql("SELECT n FROM counted")).isEqualTo("0");
    }

    @Test
    @ExtendWith(Longer.class)
    void aMomentThatTheClockPassedTwiceIsRefusedAndOneOfItsTransactionsIsNot() {
        stack.sql("SET timestamp = UNIX_TIMESTAMP() + 7200; INSERT INTO counted VALUES (0)");
        String number = stack.sql("SELECT @@gtid_binlog_pos");
        stack.sql("INSERT INTO counted VALUES (1)");

        var refused = stack.script("restore.sh", "--yes", "--to", TIME.format(Instant.now().plusSeconds(3600)));

        assertThat(refused.exitCode()).as(refused.text()).isNotZero();
        assertThat(refused.text()).contains("the clock was set back", "came twice: say --before-gtid", number);
        restore("--before-gtid", number);
        assertThat(rows()).isZero();
    }

    /** By statements and rows of every kind, but what they say of other databases and of accounts. */
    @Test
    void everythingThatMariaDbKnowsIsReplayed() throws Exception {
        stack.makeEverything();
        stack.sql("""
                CREATE DATABASE elsewhere;
                CREATE TABLE elsewhere.t (n INT);
                INSERT INTO elsewhere.t VALUES (1);
                CREATE PROCEDURE elsewhere.p() SELECT 1;
                DROP PROCEDURE elsewhere.p;
                CREATE USER reporting@'%' IDENTIFIED BY 'a-password-that-no-log-of-ours-has';
                USE elsewhere;
                CREATE TABLE app.from_elsewhere (n INT);
                INSERT INTO app.from_elsewhere VALUES (1);
                CREATE DEFINER = reporting@'%' VIEW app.of_reporting AS SELECT n FROM app.from_elsewhere;
                DROP DATABASE elsewhere;
                USE app;
                ALTER EVENT never DISABLE;
                ALTER EVENT passed RENAME TO `passed ``by` COMMENT 'and disabled, it says, but is not: DISABLE ';
                CREATE OR REPLACE DEFINER = root@localhost EVENT `of, DISABLE x` ON SCHEDULE EVERY 1 DAY DO SET @a = ' DISABLE ';
                create event if not exists app.small on schedule every 1 day disable on slave do select 1;
                alter event small enable;
                ALTER EVENT kept ENABLE;
                ALTER EVENT kept DISABLE;
                INSERT INTO in_aria VALUES (2);
                """);
        List<String> before = dump();

        restore("--to", "latest");

        assertThat(dump()).isEqualTo(before);
        assertThat(stack.sql("SELECT COUNT(*) FROM of_reporting")).isEqualTo("1");
        assertThat(stack.sql("SELECT COUNT(*) FROM mysql.event WHERE status LIKE 'SLAVE%'")).isEqualTo("0");
    }

    interface Damage {
        /** Does something to the copy, whose files these are; the server has gone on to the last of them. */
        void to(List<Path> files) throws IOException;
    }

    static Stream<Arguments> damages() {
        return Stream.of(
                arguments("is damaged", (Damage) files -> flip(files.get(files.size() - 2))),
                arguments("is damaged", (Damage) files -> {
                    byte[] whole = Files.readAllBytes(files.get(files.size() - 2));
                    Files.write(files.get(files.size() - 2), Arrays.copyOf(whole, whole.length / 2));
                }),
                arguments("is missing", (Damage) files -> Files.delete(files.get(files.size() - 2))));
    }

    @ParameterizedTest
    @MethodSource("damages")
    void aLogThatIsNotWholeIsRefusedWithTheLastMomentAndNothingIsTouched(String message, Damage damage) throws Exception {
        stack.script("backup.sh").assertSuccess();
        for (int i = 0; i < 40; i++) {
            stack.sql("INSERT INTO counted VALUES (" + i + ")" + (i % 10 == 9 ? "; FLUSH BINARY LOGS" : ""));
        }
        await().atMost(Duration.ofSeconds(60)).until(() -> lost() <= 5);
        stack.compose("stop", "backup").assertSuccess();
        damage.to(files());
        String chain = stack.sql("SELECT @@gtid_domain_id");
        try {
            var refused = stack.script("restore.sh", "--yes", "--to", "latest");

            assertThat(refused.exitCode()).as(refused.text()).isNotZero();
            assertThat(refused.text()).contains(message, "nothing was changed: the last moment that can be reached");
            assertThat(stack.sql("SELECT @@gtid_domain_id")).isEqualTo(chain);
            assertThat(stack.sql("SELECT COUNT(*) FROM counted")).isEqualTo("40");
        } finally {
            stack.script("backup.sh").assertSuccess(); // from which the next test goes on
        }
    }

    static Stream<Arguments> mistakes() {
        return Stream.of(
                arguments("--to wants a time", List.of("--to", "yesterday")),
                arguments("--to wants a time", List.of("--to", "")),
                arguments("--to wants a time", List.of("--before-gtid", "7")),
                arguments("the log is here until", List.of("--to", "2099-01-01 00:00:00")),
                arguments("there is no backup of before ", List.of("--to", "2020-01-01 00:00:00")),
                arguments("there is no backup of before ", List.of("--before-gtid", "1-1-1")),
                arguments("the moment finds its backup", List.of("--to", "latest", "var/backups/2026-01-01T000000Z")));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void aMomentThatCannotBeReachedIsSaidInASentence(String message, List<String> arguments) {
        var refused = stack.script("restore.sh", Stream.concat(Stream.of("--yes"), arguments.stream()).toArray(String[]::new));

        assertThat(refused.exitCode()).as(refused.text()).isNotZero();
        assertThat(refused.text()).contains(message);
        assertThat(refused.text().strip().lines().count()).as(refused.text()).isEqualTo(1);
    }

    /** As a full disk leaves it; a server of MariaDB does not start again by itself. */
    @Test
    @ExtendWith(Longer.class)
    void aBrokenLogOfTheSystemTablesIsPutAside() {
        stack.exec("db", "bash", "-c", "for log in /var/lib/mysql/aria_log.*; do truncate -s 16384 $log; done").assertSuccess();
        stack.kill("db");
        stack.compose("up", "--detach", "--wait", "db").assertSuccess();

        assertThat(stack.compose("logs", "db").text()).contains("The log of the system tables is broken off");
        stack.sql("CREATE PROCEDURE after_it() SELECT 1");
        assertThat(stack.sql("CALL after_it(); DROP PROCEDURE after_it")).isEqualTo("1");
    }

    /** What it writes without a log is in no copy of one. */
    @Test
    @ExtendWith(Longer.class)
    void aServerThatStoppedLoggingBeginsItsLogAnewWhenItStarts() throws Exception {
        String chain = stack.sql("SELECT @@gtid_domain_id");
        // No file can be begun, as on a full disk.
        stack.exec("db", "bash", "-c", "chmod u-w /var/lib/mysql; " + CLIENT + " -e 'FLUSH BINARY LOGS'; chmod u+w /var/lib/mysql").assertSuccess();
        stack.sql("INSERT INTO counted VALUES (0)");
        assertThat(stack.script("restore.sh", "--yes", "--to", "latest").text()).contains("has stopped doing so");

        stack.compose("restart", "db").assertSuccess();
        Instant started = Instant.now();
        await().atMost(Duration.ofSeconds(120)).until(() -> Instant.now().minusSeconds(lost()).isAfter(started));

        assertThat(stack.sql("SELECT @@gtid_domain_id")).isNotEqualTo(chain);
        stack.sql("INSERT INTO counted VALUES (1)");
        restore("--to", "latest");
        assertThat(rows()).isEqualTo(2);
    }

    /** What is written meanwhile is copied when there is room again. */
    @Test
    @ExtendWith(Longer.class)
    void aDiskThatIsFullForAWhileLosesNothing() throws Exception {
        if (!ownDisk) {
            System.out.println("SKIPPED: RecoveryTest.aDiskThatIsFullForAWhileLosesNothing, for root alone mounts a disk for var/backups");
        }
        assumeTrue(ownDisk, "a disk of its own for var/backups is mounted by root alone");
        await().atMost(Duration.ofSeconds(60)).until(() -> lost() <= 15);
        Path filler = project.resolve("var/backups/filler");
        try (Writer writer = new Writer()) {
            try {
                stack.run("cp /dev/zero " + filler); // until there is no room
                writer.untilAcknowledged(20);
                stack.sql("CREATE OR REPLACE TABLE large AS SELECT seq, REPEAT('x', 1000) FROM seq_1_to_20000");
                await().atMost(Duration.ofSeconds(90)).until(() -> lost() > 30);
            } finally {
                Files.delete(filler);
            }
            writer.untilAcknowledged(100);
        }
        await().atMost(Duration.ofSeconds(120)).until(() -> lost() <= 15);

        stack.sql("TRUNCATE counted");
        try (Writer writer = new Writer()) { // from a server that is not idle
            writer.untilAcknowledged(100);
            restore("--to", "latest");
        }

        assertThat(rows()).isEqualTo(1 + max()).isGreaterThan(100);
        assertThat(stack.sql("SELECT COUNT(*) FROM large; DROP TABLE large")).isEqualTo("20000");
    }

    @Test
    void noPasswordIsInTheLog() throws Exception {
        await().atMost(Duration.ofSeconds(60)).until(() -> lost() <= 5);
        for (Path file : files()) {
            String log = Files.readString(file, StandardCharsets.ISO_8859_1);
            assertThat(log).doesNotContain("IDENTIFIED VIA").doesNotContain("development-only");
        }
    }

    /** Inserts a number after the other, each a transaction, and knows when each was acknowledged. */
    private static final class Writer implements AutoCloseable {

        final NavigableMap<Instant, Integer> acknowledged = new ConcurrentSkipListMap<>();
        private final String container = stack.containers("db").get(0);
        private final Process process;
        private final Thread reader;

        Writer() throws IOException {
            process = new ProcessBuilder("docker", "exec", container, "bash", "-c", """
                    touch /tmp/writes
                    for ((n = 0; n < 1000000; n++)); do [ -e /tmp/writes ] || exit; echo "INSERT INTO counted VALUES ($n); SELECT $n;"; sleep 0.01; done |
                    """ + CLIENT + " --batch --skip-column-names --unbuffered app").start();
            reader = new Thread(() -> {
                try (BufferedReader lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                        acknowledged.put(Instant.now(), Integer.valueOf(line));
                    }
                } catch (IOException e) { // It was killed.
                }
            });
            reader.start();
        }

        void untilAcknowledged(int number) {
            await().atMost(Duration.ofSeconds(60)).until(() -> !acknowledged.isEmpty() && acknowledged.lastEntry().getValue() >= number);
        }

        @Override
        public void close() throws InterruptedException {
            Docker.run("docker", "exec", container, "rm", "-f", "/tmp/writes"); // if it is there still
            process.waitFor(20, TimeUnit.SECONDS);
            process.destroy();
            reader.join();
        }
    }

    private static String restore(String... moment) {
        return stack.script("restore.sh", Stream.concat(Stream.of("--yes"), Stream.of(moment)).toArray(String[]::new)).assertSuccess().text();
    }

    private static int rows() {
        return Integer.parseInt(stack.sql("SELECT COUNT(*) FROM counted"));
    }

    private static int max() {
        return Integer.parseInt(stack.sql("SELECT COALESCE(MAX(n), -1) FROM counted"));
    }

    private static int lost() {
        Matcher status = STATUS.matcher(stack.script("backup.sh", "--status").text());
        return status.matches() ? Integer.parseInt(status.group(1)) : Integer.MAX_VALUE;
    }

    /** Those of the chain that is being written. */
    private static List<Path> files() throws IOException {
        try (Stream<Path> all = Files.list(project.resolve("var/backups/log"))) {
            List<Path> files = all.filter(file -> file.getFileName().toString().matches("\\d+\\.\\d+")).sorted().toList();
            String chain = files.get(files.size() - 1).getFileName().toString().replaceAll("\\..*", "");
            return files.stream().filter(file -> file.getFileName().toString().startsWith(chain)).toList();
        }
    }

    private static void flip(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length * 2 / 3] ^= 4;
        Files.write(file, bytes);
    }

    /** The database as mariadb-dump tells it, but for what a table in memory held. */
    private static List<String> dump() {
        return stack.exec("db", "bash", "-c",
                        "mariadb-dump " + Stack.AS_ROOT
                                + " $(mariadb-dump --help | grep -om 1 -e --dump-history) --routines --triggers --events --hex-blob"
                                + " --complete-insert --skip-extended-insert --order-by-primary --skip-dump-date --databases app")
                .assertSuccess()
                .text()
                .lines()
                .filter(line -> !line.startsWith("--") && !line.startsWith("INSERT INTO `in_memory`"))
                .map(line -> line.contains(" VIEW ") ? line.replace("`app`.", "") : line) // By the rights of its definer.
                .toList();
    }
}
