package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What mariadb/server.cnf says, asked of the running server. */
@ExtendWith(Docker.class)
class DatabaseTest {

    private static final Map<String, String> SETTINGS = Map.ofEntries(
            Map.entry("innodb_flush_log_at_trx_commit", "1"),
            Map.entry("sync_binlog", "1"),
            Map.entry("character_set_server", "utf8mb4"),
            Map.entry("sql_mode", "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION"),
            Map.entry("slow_query_log", "1"),
            Map.entry("slow_query_log_file", "/dev/stderr"),
            Map.entry("long_query_time", "1.000000"),
            Map.entry("tmpdir", "/var/lib/mysql"),
            Map.entry("local_infile", "0"),
            Map.entry("skip_name_resolve", "1"),
            Map.entry("lock_wait_timeout", "10"),
            Map.entry("innodb_lock_wait_timeout", "5"),
            Map.entry("idle_transaction_timeout", "300"),
            Map.entry("connect_timeout", "5"),
            Map.entry("max_connections", "160"),
            Map.entry("innodb_buffer_pool_size", String.valueOf(96 << 20)));

    @ParameterizedTest
    @ValueSource(strings = {"10.6", "11.8"})
    void theServerRunsAsConfigured(String version) {
        try (Stack stack = Stack.of("docker-compose.yml").with("DB_IMAGE", "mariadb:" + version).with("DB_BUFFER_POOL", "96M")) {
            // What is left of a database whose making was killed.
            stack.compose("run", "--rm", "--no-deps", "--entrypoint", "bash", "db", "-c",
                            "mkdir -p /var/lib/mysql/mysql && touch /var/lib/mysql/ibdata1 /var/lib/mysql/.unfinished")
                    .assertSuccess();
            stack.compose("up", "--detach", "--wait", "db").assertSuccess();
            assertThat(stack.sql("SELECT GROUP_CONCAT(user ORDER BY user) FROM mysql.user WHERE host = '%'")).isEqualTo("app,archiver,backup,exporter,migrator");
            assertThat(stack.compose("exec", "-T", "db", "ls", "-A", "/var/lib/mysql").text()).contains("ibdata1").doesNotContain(".unfinished");

            SETTINGS.forEach((name, value) -> assertThat(stack.sql("SELECT @@" + name)).as(name).isEqualTo(value));

            stack.sql("SELECT 'slow enough to be logged', SLEEP(1.1)");
            await().atMost(Duration.ofSeconds(60)).untilAsserted(() -> assertThat(stack.compose("logs", "db").text())
                    .containsPattern("# Query_time: [1-9]")
                    .contains("slow enough to be logged"));
            assertThat(stack.sql("SHOW GRANTS FOR backup@'%'").lines().map(line -> line.replaceAll(" IDENTIFIED .*", "")))
                    .containsExactlyInAnyOrder(
                            "GRANT SHOW DATABASES ON *.* TO `backup`@`%`",
                            "GRANT SELECT, LOCK TABLES, EXECUTE, SHOW VIEW, EVENT, TRIGGER ON `app`.* TO `backup`@`%`",
                            "GRANT SELECT (`User`, `Host`) ON `mysql`.`global_priv` TO `backup`@`%`",
                            "GRANT SELECT ON `mysql`.`proc` TO `backup`@`%`");
            oneAccountDoesNotTakeAllConnections(stack);
        }
    }

    private static void oneAccountDoesNotTakeAllConnections(Stack stack) {
        stack.compose("exec", "-T", "--detach", "db", "bash", "-c", as("app", "mariadb-slap", "--skip-ssl --no-drop --create-schema=app --concurrency=99 --query='DO SLEEP(600)'"))
                .assertSuccess();
        await().atMost(Duration.ofSeconds(120)).until(() ->
                stack.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app'").equals("100"));

        assertThat(asked(stack, "app").text()).contains("User 'app' has exceeded the 'max_user_connections' resource");
        asked(stack, "backup").assertSuccess();
        stack.compose("exec", "-T", "db", "healthcheck.sh", "--connect", "--innodb_initialized").assertSuccess();
    }

    private static Docker.Output asked(Stack stack, String user) {
        return stack.compose("exec", "-T", "db", "bash", "-c", as(user, "mariadb", "-e 'SELECT 1'"));
    }

    private static String as(String user, String program, String options) {
        return program + " --defaults-extra-file=<(printf '[client]\\nuser=" + user + "\\npassword=\"%s\"\\n' \"$(< /run/secrets/db_" + user
                + ")\") --host=127.0.0.1 " + options;
    }
}
