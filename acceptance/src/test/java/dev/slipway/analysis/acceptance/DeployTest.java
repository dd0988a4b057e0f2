package dev.slipway.analysis.acceptance;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Versions that replace each other in production, and secrets that change, while clients go on sending. */
@ExtendWith(Docker.class)
class DeployTest {

    @TempDir
    static Path project;

    private static Stack stack;
    private static String first;

    @BeforeAll
    static void theFirstDeploy() throws IOException {
        stack = Stack.production(project).with("COMPOSE_PROFILES", "backup");
        Files.writeString(Files.createDirectory(project.resolve("backups")).resolve("kept"), "by an older version");
        Docker.Output deploy = stack.script("deploy.sh", "first");
        first = deployed(deploy);
        assertThat(project.resolve("var/backups/kept")).exists();
        assertThat(deploy.text()).contains("This shell sets COMPOSE_FILE COMPOSE_PROFILES COMPOSE_PROJECT_NAME ", " HTTP_PORT ");
    }

    @AfterAll
    static void down() {
        if (stack != null) {
            stack.close();
        }
    }

    @Test
    void aNewVersionWithAMigrationReplacesTheOldOneAndNoRequestFails() throws Exception {
        build("second", migration("V1000__later.sql", "CREATE TABLE later (id INT PRIMARY KEY);"));

        whileClientsSend("deployed", () -> {
            Docker.Output deploy = stack.with("TAG", "first").script("deploy.sh", "second").assertSuccess(); // As export TAG=first.
            assertThat(deploy.text()).contains("Pending migrations: V1000", "To go back: bash scripts/deploy.sh first");
        });

        assertThat(version("app")).isEqualTo("second");
        assertThat(version("worker")).isEqualTo("second");
        assertThat(project.resolve("var/backups")).isDirectoryContaining("glob:**/20*Z");
        stack.with("TAG", null);
        assertThat(Files.readAllLines(project.resolve(".env"))).contains("TAG=second");

        if (!Longer.isOn("DeployTest, the way back under load")) {
            return;
        }
        whileClientsSend("back", () -> deployed(stack.script("deploy.sh", "first")));

        assertThat(version("app")).isEqualTo("first");
    }

    @Test
    void aVersionThatIsDeafIsRolledBackAndNoRequestFails() throws Exception {
        assertIsRolledBack("deaf", "ENV SERVER_PORT=9090");
    }

    @Test
    @ExtendWith(Longer.class)
    void aVersionThatListensAndNeverIsReadyIsRolledBackAndNoRequestFails() throws Exception {
        assertIsRolledBack("unready", "ENV MANAGEMENT_HEALTH_DISKSPACE_THRESHOLD=1000TB"
                + " MANAGEMENT_ENDPOINT_HEALTH_GROUP_READINESS_INCLUDE=readinessState,db,diskSpace");
    }

    @Test
    @ExtendWith(Longer.class)
    void aVersionThatEndsIsRolledBackAndNoRequestFails() throws Exception {
        assertIsRolledBack("broken", "ENV SPRING_DATASOURCE_HIKARI_CONNECTION_INIT_SQL=nonsense");
    }

    private static void assertIsRolledBack(String tag, String change) throws Exception {
        String before = version("app");
        build(tag, change);

        stack.with("DEPLOY_TIMEOUT", "45");
        try {
            whileClientsSend(tag, () -> {
                Docker.Output deploy = stack.script("deploy.sh", tag);
                assertThat(deploy.exitCode()).isEqualTo(1);
                assertThat(lastLine(deploy))
                        .isEqualTo("deploy.sh: the app of " + tag + " did not become ready; this host is back at " + before);
            });
        } finally {
            stack.with("DEPLOY_TIMEOUT", null);
        }

        assertThat(version("app")).isEqualTo(before);
        assertThat(stack.containers("app")).hasSize(1);
    }

    /** Debian's own, of the oldest release that has one new enough. */
    @Test
    @ExtendWith(Longer.class)
    void theOldestComposeThatIsPromisedDeploysAndNoRequestFails() throws Exception {
        Path configuration = Files.createDirectories(project.resolve("oldest"));
        Docker.run(configuration, Map.of(), "bash", "-ec", """
                mkdir -p lists/partial cache/archives/partial cli-plugins
                mirror=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2> /dev/null | grep -v '^#' | grep -o 'http[^ ]*/debian' | head -1)
                [ -n "$mirror" ] || { echo "this host has no mirror of Debian among its sources"; exit 1; }
                echo "deb $mirror trixie main" > sources.list
                apt() {
                  apt-get -q -o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$PWD/lists" \
                    -o Dir::Cache="$PWD/cache" -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root "$@"
                }
                apt update
                apt download docker-compose
                dpkg-deb -x docker-compose_*.deb root
                mv root/usr/libexec/docker/cli-plugins/docker-compose cli-plugins/""").assertSuccess();
        stack.with("DOCKER_CONFIG", configuration.toString());
        try {
            assertThat(stack.compose("version", "--short").text()).startsWith("2.26.");
            String before = version("app");
            build("oldest", "ENV CHANGED=yes");
            deployed(stack.script("deploy.sh", before));  // Of what another Compose started, it recreates the gateway.

            whileClientsSend("oldest", () -> deployed(stack.script("deploy.sh", "oldest")));
            whileClientsSend("older", () -> deployed(stack.script("deploy.sh", before)));

            assertThat(version("app")).isEqualTo(before);
        } finally {
            stack.with("DOCKER_CONFIG", null);
        }
    }

    @Test
    void aMigrationThatFailsLeavesTheOldVersionServing() throws Exception {
        String before = version("app");
        build("unmigrated", migration("V2000__broken.sql", "CREATE TABEL broken (id INT);"));
        build("cut", "ENV CUT=off");
        stack.with("TAG", "cut").compose("up", "--detach", "--no-deps", "--no-recreate", "--scale", "app=2", "app").assertSuccess();
        stack.with("TAG", null);
        Path env = project.resolve(".env");
        String settings = Files.readString(env);
        Files.writeString(env, settings.replaceAll("(?m)^TAG=.*", "TAG=by-hand"));

        whileClientsSend("unmigrated", () -> {
            Docker.Output deploy = stack.script("deploy.sh", "unmigrated");
            assertThat(deploy.exitCode()).isEqualTo(1);
            assertThat(deploy.text()).contains("Removing the app of cut, which a deploy that was cut off left\n");
            assertThat(lastLine(deploy)).startsWith("deploy.sh: the migration failed and " + before + " serves on");
        });

        Files.writeString(env, settings);
        stack.sql("DELETE FROM app.flyway_schema_history WHERE NOT success");
        assertThat(version("app")).isEqualTo(before);
        assertThat(stack.containers("app")).hasSize(1);
    }

    @Test
    @ExtendWith(Longer.class)
    void appsAreAddedAndTakenAwayAndNoRequestFails() throws Exception {
        stack.with("APP_REPLICAS", "2");
        whileClientsSend("more", () -> stack.compose("up", "--detach", "--wait", "--no-deps", "--no-recreate", "app", "worker").assertSuccess());
        assertThat(stack.containers("app")).hasSize(2);

        stack.with("APP_REPLICAS", "1");
        whileClientsSend("fewer", () -> stack.compose("up", "--detach", "--wait", "--no-deps", "--no-recreate", "app", "worker").assertSuccess());
        assertThat(stack.containers("app")).hasSize(1);
    }

    @Test
    @ExtendWith(Longer.class)
    void changedSettingsAndAChangedGatewayAreTakenInAndNoRequestFails() throws Exception {
        Path gateway = project.resolve("nginx/nginx.conf");
        String before = Files.readString(gateway);
        Files.writeString(gateway, before.replace("return 200 \"ok\\n\"", "return 200 \"changed\\n\""));
        Files.writeString(project.resolve(".env"), "APP_MEMORY=600M\n", StandardOpenOption.APPEND);
        replaceWithAComment(project.resolve("mariadb/dump.sh"));
        replaceWithAComment(project.resolve("mariadb/server.cnf"));

        whileClientsSend("changed", () -> {
            Docker.Output deploy = stack.script("deploy.sh", version("app"));
            deployed(deploy);
            assertThat(deploy.text()).contains("Restarting backup, which has not read mariadb/dump.sh\n");
            assertThat(lastLine(deploy)).contains("db has not read mariadb/server.cnf; bash scripts/deploy.sh " + version("app") + " --restart");
        });

        assertThat(stack.compose("exec", "-T", "backup", "tail", "-n", "1", "/usr/local/bin/dump.sh").text()).isEqualTo("# Changed.\n");
        assertThat(stack.get("/healthz").body()).isEqualTo("changed\n");
        assertThat(Stack.inspect(stack.containers("app").get(0)).at("/HostConfig/Memory").asLong()).isEqualTo(600L << 20);

        Files.writeString(gateway, before + "nonsense;\n");
        Docker.Output deploy = stack.script("deploy.sh", version("app"));
        assertThat(deploy.exitCode()).isEqualTo(2);
        assertThat(deploy.text()).contains("nonsense");
        assertThat(lastLine(deploy)).contains("nginx cannot take its configuration");

        Files.writeString(gateway, before);
        List<String> containers = stack.containers();
        Docker.Output restart = stack.script("deploy.sh", version("app"), "--restart");
        deployed(restart);
        assertThat(stack.containers()).as("what is as it should be").isEqualTo(containers);
        assertThat(lastLine(restart)).isEqualTo("Deployed " + version("app") + ".");
        assertThat(stack.compose("exec", "-T", "db", "tail", "-n", "1", "/etc/mysql/conf.d/server.cnf").text()).isEqualTo("# Changed.\n");
    }

    @Test
    void passwordsThatDidNotMakeTheDatabaseAreSaid() throws IOException {
        Path secret = project.resolve("secrets/db_root.txt");
        String before = Files.readString(secret);
        overwrite(secret, "another-and-long-enough-password");
        try {
            Docker.Output deploy = stack.script("deploy.sh", version("app"));
            assertThat(deploy.exitCode()).isEqualTo(1);
            assertThat(lastLine(deploy)).startsWith("deploy.sh: the database was made with other passwords than those of secrets/");
            assertThat(stack.script("doctor.sh").text()).contains("fail  the database has other passwords than secrets/");
        } finally {
            overwrite(secret, before);
        }
    }

    @Test
    @ExtendWith(Longer.class)
    void aPasswordIsRotatedAndNoRequestFails() throws Exception {
        Path secret = project.resolve("secrets/db_app.txt");
        String before = Files.readString(secret);

        stack.with("DEPLOY_TIMEOUT", "1");
        for (int attempt = 0; attempt < 2; attempt++) {
            assertThat(stack.script("secrets.sh", "rotate", "db_app", "--yes").text()).contains("Both passwords are good; call this again");
            assertThat(connects("app", before)).as("the old one, which the app that serves has").isTrue();
        }
        stack.with("DEPLOY_TIMEOUT", null);

        whileClientsSend("rotated", () -> stack.script("secrets.sh", "rotate", "db_app", "--yes").assertSuccess());

        assertThat(Files.readString(secret)).isNotEqualTo(before).hasSize(43);
        assertThat(connects("app", before)).isFalse();
        assertThat(connects("app", Files.readString(secret))).isTrue();
        for (String name : List.of("db_migrator", "db_root")) {
            stack.script("secrets.sh", "rotate", name, "--yes").assertSuccess();
        }
        assertThat(stack.sql("SELECT 'the new one'")).isEqualTo("the new one");
    }

    @Test
    void aStrangerIsLetInNowhereAndWhoHasATokenUntilItIsRevoked() throws Exception {
        for (String path : List.of("/api/analyses", "/api/openapi", "/api/docs", "/api/nothing")) {
            assertThat(stack.getAs(null, path).statusCode()).as(path).isEqualTo(401);
        }
        assertThat(stack.getAs(null, "/readyz").statusCode()).isEqualTo(200);

        stack.script("token.sh", "create", "visitor", "--scope", "analyses:read", "--file", "visitor_token.txt").assertSuccess();
        String token = Files.readString(project.resolve("visitor_token.txt")).strip();
        stack.submit("the-tests-own");
        assertThat(stack.getAs(token, "/api/analyses").body()).contains("\"items\":[]");

        stack.script("token.sh", "revoke", "visitor").assertSuccess();

        await().atMost(Duration.ofSeconds(5)).until(() -> stack.getAs(token, "/api/analyses").statusCode() == 401);
        Hardening.assertNoSecretIsSeen(stack, project); // Where the two tokens are.
    }

    @Test
    void everyContainerIsHardened() throws IOException {
        Hardening.assertOf(stack);
        Hardening.assertNoSecretIsSeen(stack, project.resolve("secrets"));
    }

    private static String deployed(Docker.Output deploy) {
        assertThat(deploy.exitCode()).as(() -> deploy.text() + stack.compose("logs", "--tail", "20").text()).isZero();
        assertThat(deploy.text()).contains("Deployed ");
        return version("app");
    }

    private static String version(String service) {
        String image = Stack.inspect(stack.containers(service).get(0)).at("/Config/Image").asString();
        return image.substring(image.indexOf(':') + 1);
    }

    private static String lastLine(Docker.Output output) {
        return output.text().lines().reduce("", (before, line) -> line);
    }

    /** Another version of the service: the first one with a change on top, which takes no time to build. */
    private static void build(String tag, String change) throws IOException {
        String repository = "localhost/" + Stack.inspect(stack.containers("app").get(0)).at("/Config/Image").asString()
                .replaceAll("^localhost/|:.*$", "");
        Path dockerfile = Files.createDirectories(project.resolve("versions")).resolve("Dockerfile." + tag);
        Files.writeString(dockerfile, "FROM " + repository + ":first\n" + change + "\n");
        Docker.run(project, Map.of(), "docker", "build", "-q", "-t", repository + ":" + tag, "-f", dockerfile.toString(), "versions")
                .assertSuccess();
    }

    private static String migration(String name, String statement) throws IOException {
        Files.writeString(Files.createDirectories(project.resolve("versions")).resolve(name), statement + "\n");
        return "COPY --chmod=755 " + name + " /migrations/\nENV SPRING_FLYWAY_LOCATIONS=classpath:db/migration,filesystem:/migrations";
    }

    /** As git does it, which leaves the file that is mounted as it was. */
    private static void replaceWithAComment(Path file) throws IOException {
        Path changed = file.resolveSibling("changed");
        Files.copy(file, changed, StandardCopyOption.COPY_ATTRIBUTES);
        Files.writeString(changed, "# Changed.\n", StandardOpenOption.APPEND);
        Files.move(changed, file, StandardCopyOption.REPLACE_EXISTING);
    }

    /** In place, so that the containers that have it mounted see it. */
    private static void overwrite(Path secret, String content) throws IOException {
        assertThat(secret.toFile().setWritable(true)).isTrue();
        Files.writeString(secret, content);
        assertThat(secret.toFile().setReadOnly()).isTrue();
    }

    private static boolean connects(String user, String password) {
        return stack.compose("exec", "-T", "-e", "MYSQL_PWD=" + password, "db", "mariadb", "-h127.0.0.1", "-u" + user, "-e", "SELECT 1")
                        .exitCode()
                == 0;
    }

    private interface Step {
        void run() throws Exception;
    }

    /** Fails if one of their requests does, or if an analysis that was taken in is lost or doubled. */
    private static void whileClientsSend(String name, Step step) throws Exception {
        Load load = Load.on(stack, name, 4, 60);
        Load.Report report;
        Instant start = Instant.now();
        try {
            step.run();
        } finally {
            report = load.stop();
        }
        System.out.printf("%s: %d requests in %d s, %d failed%n", name, report.requests(),
                Duration.between(start, Instant.now()).toSeconds(), report.failures().size());
        assertThat(report.failures()).as(report.failures().isEmpty() ? "" : stack.compose("logs", "--no-log-prefix", "nginx").text()
                        .lines().filter(line -> line.contains("[error]") || line.contains("[warn]")).collect(joining("\n")))
                .isEmpty();
        assertThat(report.requests()).isGreaterThan(100);
        report.assertNothingIsLostOrDoubled(stack, name);
    }
}
