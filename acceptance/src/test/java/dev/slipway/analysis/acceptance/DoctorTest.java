package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the doctor says of a host that is wrong in one way, in a copy of the project. */
class DoctorTest {

    /** A host without an engine: what its commands answer is told to them. */
    @Nested
    class OfTheHost {

        @TempDir
        Path project;

        private final Map<String, String> environment = new HashMap<>();

        @BeforeEach
        void aHostWhereAllIsWell() throws IOException {
            Project.copy(project);
            environment.put("PATH", project.resolve("fakes") + ":" + System.getenv("PATH"));
            fake("docker", """
                    [ -z "${WARNING:-}" ] || echo "$WARNING" >&2
                    case "$*" in
                      "info "*) if [ -n "${REFUSED:-}" ]; then echo "$REFUSED"; exit 1; fi; echo "${ENGINE:-28.0.0} 8000000000 /" ;;
                      "compose version "*) echo "${COMPOSE:-2.40.0}" ;;
                      "compose config"*) echo "name: faked" ;;
                      "ps "*service=certificates*) echo "${CERTIFICATE:+id}" ;;
                      "exec id "*) echo "${CERTIFICATE:-}" ;;
                      "compose -f -"*) { echo 'cat << EOF'; cat; echo EOF; } > fakes/asked; . ./fakes/asked | sed 's/.*image: "\\(.*\\)".*/\\1/' ;;
                    esac""");
            fake("timedatectl", "echo yes");
            fake("df", "printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n/dev/x 1 1 %s 1%% /\\n' \"${FREE:-90000000}\"");
        }

        @Test
        void allIsOk() {
            var doctor = doctor();

            assertThat(doctor.exitCode()).as(doctor.text()).isZero();
            assertThat(doctor.text().lines()).hasSizeGreaterThan(8).allMatch(line -> line.startsWith("ok    "));
        }

        @Test
        void helpSaysWhatTheExitStatusMeans() {
            var help = Docker.run(project, environment, "bash", "scripts/doctor.sh", "--help");

            assertThat(help.exitCode()).isZero();
            assertThat(help.text()).startsWith("Usage: ").contains("Exit status:");
            assertThat(Docker.run(project, environment, "bash", "scripts/doctor.sh", "--nothing").text())
                    .isEqualTo("doctor.sh: there is no option --nothing: bash scripts/doctor.sh --help\n");
        }

        @ParameterizedTest
        @CsvSource({
            "ENGINE, 24.0.9, 2, 'fail  Docker Engine 24.0.9 is older than 25.0: see https://docs.docker.com/engine/install'",
            "COMPOSE, 2.25.0, 2, 'fail  Docker Compose 2.25.0 is older than 2.26: see https://docs.docker.com/compose/install'",
            "REFUSED, Cannot connect to the Docker daemon, 2, 'fail  no Docker Engine answers: sudo systemctl start docker'",
            "REFUSED, permission denied while connecting, 2, 'fail  this user may not talk to the Docker Engine: sudo usermod -aG docker '",
            "FREE, 900000, 2, 'fail  disk: 878 MB are free for this folder: docker system df'",
            "FREE, 3000000, 1, 'warn  disk: 2929 MB are free for this folder: docker system df'",
            "COMPOSE_FILE, docker-compose.prd.yml, 2, 'fail  COMPOSE_FILE names docker-compose.prd.yml, which is not here: correct COMPOSE_FILE in .env'",
            "COMPOSE_FILE, docker-compose.yml:docker-compose.override.yml:docker-compose.prod.yml, 2,"
                    + " 'fail  development''s docker-compose.override.yml is loaded in production: take it out of COMPOSE_FILE in .env'",
            "COMPOSE_FILE, docker-compose.yml:docker-compose.betanet.yml:docker-compose.prod.yml, 2,"
                    + " 'fail  docker-compose.prod.yml comes after docker-compose.betanet.yml, and turns the mixnet off: '",
            "COMPOSE_FILE, docker-compose.prod.yml:docker-compose.yml, 2, 'fail  docker-compose.yml is not the first file of COMPOSE_FILE: '",
            "REGISTRY, registry.example, 2, 'fail  this host is set up for production and runs without docker-compose.prod.yml:"
                    + " echo ''COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml'' >> .env'"
        })
        void aVariableOfTheHost(String variable, String value, int exitCode, String line) {
            environment.put(variable, value);

            assertFound(doctor(), exitCode, line);
        }

        @ParameterizedTest
        @CsvSource({
            "HTTPPORT=80, 'warn  .env sets HTTPPORT, which nothing reads: is it HTTP_PORT? the names are in .env.example'",
            "COLOUR=red, 'warn  .env sets COLOUR, which nothing reads: the names are in .env.example'",
            "HTTP_PORT 80, 'warn  .env has a line that sets nothing, \"HTTP_PORT 80\": write NAME=value'"
        })
        void aLineOfEnv(String line, String said) throws IOException {
            Files.writeString(project.resolve(".env"), "# A comment.\n\nTAG=1\nCOMPOSE_PROFILES=edge\n" + line + "\n");

            assertFound(doctor(), 1, said);
        }

        @Test
        void whatDockerWarnsOfIsNotItsAnswer() {
            environment.put("WARNING", "WARNING: Error loading config file: permission denied");
            environment.put("COMPOSE_FILE", "docker-compose.yml:docker-compose.override.yml");

            assertFound(doctor(), 0, "ok    Docker Engine 28.0.0\n", "ok    development: docker-compose.yml docker-compose.override.yml\n");
        }

        @Test
        void whatALayerOfTheUsersOwnReadsIsRead() throws IOException {
            Files.writeString(project.resolve("own.yml"), "services: {app: {environment: {COLOUR: '${COLOUR:-red}'}}}\n");
            Files.writeString(project.resolve(".env"), "\uFEFFTAG=${VERSION}\nVERSION=1\nCOLOUR=\"red\nor blue\"\n");

            assertThat(doctor().text()).contains("ok    .env sets only what the Compose files read");
        }

        /** The mixnet as its page says, and then but for one line; the worker but for all that is not Java. */
        @Test
        void aFeatureThatIsHalfRemoved() throws IOException {
            Docker.run(project, Map.of(), "bash", "-ec", """
                    rm -r mixnode docker-compose.betanet.yml docs/betanet.md scripts/mixnode-keys.sh
                    grep -rlI mixnet . | xargs perl -0pi -e 's/^.*(#|--|<!--) mixnet:begin.*\n(.*\n)*?.*mixnet:end.*\n//mg; s/^.*(#|--|<!--) mixnet( -->)?\n//mg'
                    """).assertSuccess();
            assertThat(doctor().text()).doesNotContain("mixnet");

            Path layer = project.resolve("docker-compose.override.yml");
            Files.writeString(layer, "x-left: 1 # mixnet\n" + Files.readString(layer));
            Files.writeString(project.resolve("scripts/doctor.sh"), Files.readString(Project.FOLDER.resolve("scripts/doctor.sh")));
            Docker.run(project, Map.of(), "bash", "-c", "rm -r $(find app/src/main -name worker)").assertSuccess();

            assertFound(doctor(), 1, "warn  the mixnet is removed, but for ", ": docs/make-it-yours.md says what goes with it",
                    "warn  the worker is removed, but for docker-compose.");
        }

        @Test
        void aClockThatNothingSynchronises() throws IOException {
            fake("timedatectl", "echo no");

            assertFound(doctor(), 1, "warn  clock: nothing synchronises it: sudo timedatectl set-ntp true");
        }

        @Test
        void noDockerAtAll() {
            // Everything that the doctor uses, and no docker.
            Docker.run(project, Map.of(), "bash", "-c",
                            "rm fakes/docker; for c in bash awk sed grep tr head tail cat cut date dirname basename readlink find id sort; do"
                                    + " ln -s \"$(command -v $c)\" fakes/; done")
                    .assertSuccess();
            environment.put("PATH", project.resolve("fakes").toString());

            assertFound(doctor(), 2, "fail  Docker is not installed: see https://docs.docker.com/engine/install");
            Docker.run(project, Map.of(), "rm", "-r", "fakes").assertSuccess(); // Links that JUnit would warn of.
        }

        @ParameterizedTest
        @CsvSource({
            "acme good 2027-01-01 10:00:00, api.example, 0, 'ok    the certificate is good until 2027-01-01 10:00:00'",
            "acme ending 2027-01-01 10:00:00, api.example, 1, 'warn  the certificate ends on 2027-01-01 10:00:00: docker compose logs --tail 50 certificates'",
            "own ending 2027-01-01 10:00:00, api.example, 1, 'warn  the certificate ends on 2027-01-01 10:00:00: bash scripts/certificate.sh install CHAIN KEY'",
            "own ended 2027-01-01 10:00:00, '', 2, 'fail  the certificate ended on 2027-01-01 10:00:00: '",
            "self-signed good 2037-01-01 10:00:00, api.example, 1,"
                    + " 'warn  the edge has signed its certificate itself, and browsers warn: docker compose logs --tail 50 certificates'",
            "self-signed good 2037-01-01 10:00:00, '', 1,"
                    + " 'warn  the edge has signed its certificate itself, and browsers warn: EDGE_DOMAIN and EDGE_EMAIL in .env, or bash scripts/certificate.sh'"
        })
        void aCertificate(String certificate, String domain, int exitCode, String line) {
            environment.put("CERTIFICATE", certificate);
            environment.put("EDGE_DOMAIN", domain);

            assertFound(doctor(), exitCode, line);
        }

        @Test
        void aCertificateWhereAnOlderVersionKeptIt() throws IOException {
            Files.writeString(project.resolve("secrets/tls_certificate.pem"), "a certificate");

            assertFound(doctor(), 2, "fail  secrets/tls_certificate.pem is not read any more: ",
                    "bash scripts/certificate.sh install secrets/tls_certificate.pem secrets/tls_key.pem");
        }

        private Docker.Output doctor() {
            return Docker.run(project, environment, "bash", "scripts/doctor.sh");
        }

        private void fake(String command, String script) throws IOException {
            DoctorTest.fake(project, command, script);
        }
    }

    /** A production host before its first deploy. */
    @Nested
    @ExtendWith(Docker.class)
    class OfProduction {

        @TempDir
        Path project;

        private Stack stack;

        @BeforeEach
        void prepare() throws IOException {
            stack = production(project);
        }

        @AfterEach
        void remove() {
            stack.close();
        }

        @Test
        void allIsOk() {
            assertAllOk(stack.script("doctor.sh"));
        }

        @Test
        @ExtendWith(Longer.class)
        void theHostsOwnFoldersMayBeClosed() {
            stack.with("COMPOSE_PROFILES", "monitoring"); // Which reads the logs of containers, a folder of root's.

            assertThat(stack.script("doctor.sh", "--no-containers").text()).contains("monitoring").doesNotContain("cannot be read by");
        }

        @ParameterizedTest
        @CsvSource({
            "rm -f secrets/db_app.txt, 'fail  secrets/db_app.txt is missing: bash scripts/secrets.sh'",
            "chmod 0400 secrets/db_app.txt, 'fail  secrets/db_app.txt cannot be read by the containers: chmod 0444 secrets/db_app.txt'",
            "chmod 0755 secrets, 'fail  secrets is open to other users of this host: chmod 0700 secrets'",
            "chmod 0600 nginx/nginx.conf, 'fail  nginx/nginx.conf cannot be read by nginx: chmod -R a+rX nginx'",
            "docker network rm $PROXY_NETWORK, 'fail  the network $PROXY_NETWORK does not exist: docker network create --ipv6 --subnet fd00:51::/64 $PROXY_NETWORK'"
        })
        void aFaultAndItsMend(String fault, String line) {
            shell(fault).assertSuccess();
            String said = line.replace("$PROXY_NETWORK", stack.variable("PROXY_NETWORK"));
            assertFound(stack.script("doctor.sh"), 2, said + "\n");

            shell("PATH=.:$PATH; " + said.substring(said.lastIndexOf(": ") + 2)).assertSuccess();

            assertAllOk(stack.script("doctor.sh"));
        }

        @ParameterizedTest
        @CsvSource({
            "'', 'fail  secrets/db_app.txt is empty: rm secrets/db_app.txt, then bash scripts/secrets.sh'",
            "short, 'fail  secrets/db_app.txt has 5 characters, and 20 are the least: rm secrets/db_app.txt, then bash scripts/secrets.sh'"
        })
        @ExtendWith(Longer.class)
        void aSecret(String secret, String line) {
            shell("rm -f secrets/db_app.txt; printf %s '" + secret + "' > secrets/db_app.txt");

            assertFound(stack.script("doctor.sh"), 2, line);
        }

        @Test
        void aSecretOfDevelopments() {
            shell("cp -f secrets/dev/db_app.txt secrets/db_app.txt");

            assertFound(stack.script("doctor.sh"), 2, "fail  secrets/db_app.txt is development's, which everybody knows: rm secrets/db_app.txt, then");
        }

        @Test
        @ExtendWith(Longer.class)
        void alertsThatReachNobody() throws IOException {
            Files.writeString(project.resolve("alerts.yml"), """
                    services: {nginx: {secrets: [alert_email, alert_webhook]}}
                    secrets: {alert_email: {file: secrets/alert_email.yml}, alert_webhook: {file: secrets/alert_webhook.url}}
                    """);
            stack.with("COMPOSE_FILE", "docker-compose.yml:docker-compose.prod.yml:alerts.yml");
            shell("rm -f secrets/alert_*; touch secrets/alert_email.yml secrets/alert_webhook.url; chmod 0444 secrets/alert_*").assertSuccess();
            assertFound(stack.script("doctor.sh"), 1, "warn  nobody is told of an alert: docs/monitoring.md says what to write into secrets/alert_email.yml secrets/alert_webhook.url");

            shell("chmod u+w secrets/alert_webhook.url; echo http://a.example > secrets/alert_webhook.url").assertSuccess();
            assertAllOk(stack.script("doctor.sh"));
        }

        @ParameterizedTest
        @CsvSource({
            "mariadb:10.5, 'warn  DB_IMAGE=mariadb:10.5 is no long-term version, or its life has ended: bash scripts/upgrade-db.sh mariadb:11.8'",
            "mariadb:10.11.6-jammy, 'ok    DB_IMAGE=mariadb:10.11.6-jammy lives until 2028-02-16'",
            "registry.example:5000/mariadb:10.4, 'warn  DB_IMAGE=registry.example:5000/mariadb:10.4 is no long-term version'",
            "mariadb:latest, 'warn  DB_IMAGE=mariadb:latest names no version, so a pull may change it: DB_IMAGE=mariadb:11.8 in .env'"
        })
        @ExtendWith(Longer.class)
        void aDatabase(String image, String line) {
            stack.with("DB_IMAGE", image);

            assertFound(stack.script("doctor.sh"), line.startsWith("ok") ? 0 : 1, line);
        }

        @Test
        @ExtendWith(Longer.class)
        void aDatabaseAfterTheDayThatItsLifeEnds() throws IOException {
            stack.with("DB_IMAGE", "mariadb:10.11");
            fake(project, "date", "case \"$*\" in '-u +%Y-%m-%d') echo 2028-02-17 ;; *) exec /bin/date \"$@\" ;; esac");

            assertFound(stack.script("doctor.sh"), 1,
                    "warn  DB_IMAGE=mariadb:10.11 has had no fixes since 2028-02-16: bash scripts/upgrade-db.sh mariadb:11.8");
        }

        @Test
        @ExtendWith(Longer.class)
        void aPortThatSomebodyElseHolds() throws IOException {
            try (ServerSocket holder = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
                String port = String.valueOf(holder.getLocalPort());
                stack.with("HTTP_PORT", port);

                assertFound(stack.script("doctor.sh"), 2, "fail  port " + port + " of nginx is taken: HTTP_PORT=another in .env\n");
            }
        }

        @Test
        @ExtendWith(Longer.class)
        void limitsThatTheHostDoesNotHave() throws IOException {
            fake(project, "docker", "if [ \"$1\" = info ]; then echo '28.0.0 1000000000 /'; else exec \"$REAL_DOCKER\" \"$@\"; fi");
            stack.with("REAL_DOCKER", shell("PATH=${PATH#*:} command -v docker").text().strip());

            assertThat(stack.script("doctor.sh").text())
                    .containsPattern("warn  memory: the limits add up to \\d+ MB, and the host has 953 MB: lower APP_MEMORY");
        }

        @Test
        @ExtendWith(Longer.class)
        void configurationThatIsNone() {
            stack.with("APP_MEMORY", "plenty");

            assertFound(stack.script("doctor.sh"), 2, "fail  the Compose files make no configuration: ");
        }

        @Test
        void theAgeOfTheLastBackup() throws IOException {
            shell("docker volume create --label com.docker.compose.project=$COMPOSE_PROJECT_NAME --label com.docker.compose.volume=db-data"
                    + " ${COMPOSE_PROJECT_NAME}_db-data").assertSuccess();
            assertFound(stack.script("doctor.sh"), 1, "warn  there is no backup: bash scripts/backup.sh\n");

            Path manifest = aBackup(project);
            shell("mv var/backups another-disk; ln -s ../another-disk var/backups").assertSuccess();
            assertAllOk(stack.script("doctor.sh"));

            Files.setLastModifiedTime(manifest, FileTime.from(Instant.now().minus(Duration.ofHours(27))));
            assertFound(stack.script("doctor.sh"), 1, "warn  the last backup is older than 26 hours: bash scripts/backup.sh\n");

            stack.with("BACKUP_INTERVAL", "93600");
            assertAllOk(stack.script("doctor.sh"));
            stack.with("BACKUP_INTERVAL", "86400");
        }

        private Docker.Output shell(String command) {
            return stack.run(command);
        }
    }

    /** A production host that serves. */
    @Nested
    @ExtendWith(Docker.class)
    class OfARunningStack {

        @TempDir
        static Path project;

        private static Stack stack;

        @BeforeAll
        static void deploy() throws IOException {
            stack = production(project);
            stack.script("deploy.sh", "running").assertSuccess();
            stack.script("token.sh", "create", "tests", "--scope", "analyses:read", "--scope", "analyses:write", "--scope", "analyses:delete",
                    "--file", "token").assertSuccess();
            aBackup(project);
        }

        @AfterAll
        static void remove() {
            if (stack != null) {
                stack.close();
            }
        }

        @Test
        void allIsOk() {
            var doctor = stack.script("doctor.sh");
            var test = stack.script("test-docker-compose.sh", "--write", "--token-file", "token");

            assertAllOk(doctor);
            assertThat(doctor.text()).contains("ok    4 containers are healthy");
            assertThat(test.exitCode()).as(test.text()).isZero();
            assertThat(test.text())
                    .contains("ok    nginx cannot reach the database", "ok    the database has no way out", "ok    only declared ports are published",
                            "ok    GET /readyz answers 200 text/plain", "ok    what was submitted has its result");
        }

        @Test
        @ExtendWith(Longer.class)
        void otherLayersThanThoseThatRun() {
            stack.with("COMPOSE_FILE", "docker-compose.yml:docker-compose.prod.yml");
            try {
                assertThat(stack.script("doctor.sh").text())
                        .contains("warn  what runs was started from docker-compose.yml docker-compose.prod.yml published.yml,"
                                + " and now docker-compose.yml docker-compose.prod.yml would be: bash scripts/deploy.sh");
            } finally {
                stack.with("COMPOSE_FILE", "docker-compose.yml:docker-compose.prod.yml:published.yml");
            }
        }

        @Test
        void withoutATokenNothingIsWritten() {
            assertFound(stack.script("test-docker-compose.sh", "--write"), 0, "ok    GET /api/openapi answers 401 application/problem+json",
                    "skip  nothing is submitted without a token: --token-file FILE, of one by scripts/token.sh that may write, read and delete");
        }

        @Test
        void aTokenThatEndsSoon() {
            stack.sql("UPDATE access_token SET expires_at = UTC_TIMESTAMP(6) + INTERVAL 13 DAY");
            try {
                assertFound(stack.script("doctor.sh"), 1, "warn  the token of tests ends on 20", ": bash scripts/token.sh rotate tests\n");
            } finally {
                stack.sql("UPDATE access_token SET expires_at = UTC_TIMESTAMP(6) + INTERVAL 90 DAY");
            }
        }

        @Test
        @ExtendWith(Longer.class)
        void aServiceThatIsStopped() {
            stack.compose("kill", "worker").assertSuccess();
            try {
                String name = stack.name() + "-worker-1";
                assertFound(stack.script("doctor.sh"), 2, "fail  " + name + " ended: Exited (137)", ": docker compose logs --tail 50 worker");
                assertAllOk(stack.script("doctor.sh", "--no-containers"));
                assertFound(stack.script("test-docker-compose.sh", "--write", "--token-file", "token"), 2,
                        "fail  " + name, "fail  what was submitted has no result within 30 s");
            } finally {
                stack.compose("up", "--detach", "--wait", "--no-recreate", "worker").assertSuccess();
            }
        }

        @Test
        @ExtendWith(Longer.class)
        void networksThatAreNotIsolated() {
            String nginx = stack.containers("nginx").get(0);
            String database = stack.containers("db").get(0);
            Docker.run("docker", "network", "connect", stack.name() + "_backend", nginx).assertSuccess();
            Docker.run("docker", "network", "connect", "bridge", database).assertSuccess();
            try {
                Object started = Stack.inspect(database).at("/State/StartedAt");
                var test = stack.script("test-docker-compose.sh");
                assertFound(test, 2, "fail  nginx reaches the database", "fail  the database has a way out, bridge");
                assertThat(test.text()).contains("GET /readyz answers 200").doesNotContain("accepted", "restart", "deleted");
                assertThat(Stack.inspect(database).at("/State/StartedAt")).isEqualTo(started);
            } finally {
                Docker.run("docker", "network", "disconnect", stack.name() + "_backend", nginx).assertSuccess();
                Docker.run("docker", "network", "disconnect", "bridge", database).assertSuccess();
            }
        }
    }

    /** All is well with it, whatever the real host's clock. */
    private static Stack production(Path project) throws IOException {
        Stack stack = Stack.production(project);
        stack.with("DB_IMAGE", "mariadb:11.8");
        stack.with("PATH", project.resolve("fakes") + ":" + System.getenv("PATH"));
        fake(project, "timedatectl", "echo yes");
        return stack;
    }

    private static Path aBackup(Path project) throws IOException {
        Path folder = Files.createDirectories(project.resolve("var/backups/20261101T000000Z"));
        return Files.writeString(folder.resolve("manifest"), "of a backup\n");
    }

    private static void fake(Path project, String command, String script) throws IOException {
        Path file = Files.createDirectories(project.resolve("fakes")).resolve(command);
        Files.writeString(file, "#!/usr/bin/env bash\n" + script + "\n");
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }

    private static void assertAllOk(Docker.Output doctor) {
        assertThat(doctor.text().lines()).isNotEmpty().allMatch(line -> line.startsWith("ok    "));
        assertThat(doctor.exitCode()).isZero();
    }

    private static void assertFound(Docker.Output output, int exitCode, String... said) {
        assertThat(output.text()).contains(said);
        assertThat(output.exitCode()).as(output.text()).isEqualTo(exitCode);
    }
}
