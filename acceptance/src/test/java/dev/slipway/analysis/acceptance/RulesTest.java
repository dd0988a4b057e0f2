package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/** The configurations of Prometheus and Alertmanager, in the eyes of their own tools. */
@ExtendWith(Docker.class)
class RulesTest {

    private static final String EMAIL = """
            to: somebody@example.com
            from: alerts@example.com
            smarthost: mail.example.com:587
            auth_username: alerts@example.com
            auth_password: a secret
            """;

    @Test
    void prometheusAcceptsItsConfigurationAndEveryTestOfARulePasses() {
        String tests = "check config /etc/prometheus/prometheus.yml && cd /tests && promtool test rules *.yml";
        Path folder = Path.of("src/test/resources/prometheus").toAbsolutePath();

        var run = Docker.run("docker", "run", "--rm", "--network", "none", "-v", mount("prometheus"), "-v", folder + ":/tests:ro", "--entrypoint", "sh",
                image("monitoring/docker-compose.yml", "prometheus"), "-c", "promtool " + tests);

        assertThat(run.assertSuccess().text()).contains("SUCCESS").doesNotContain("FAILED");
    }

    @ParameterizedTest
    @CsvSource({
        "'\n', '', 0, 0, 0, 0",
        "http://example.com/hook, '', 1, 0, 1, 0",
        "'', '" + EMAIL + "', 0, 1, 0, 1",
        "http://example.com/hook, '" + EMAIL + "', 1, 1, 0, 1"
    })
    void alertmanagerStartsWithWhateverReceiversThereAre(
            String webhook, String email, int criticalHooks, int criticalEmails, int warningHooks, int warningEmails, @TempDir Path secrets)
            throws IOException {
        Files.setPosixFilePermissions(secrets, PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.writeString(secrets.resolve("alert_webhook"), webhook);
        Files.writeString(secrets.resolve("alert_email"), email);

        // With --version it says which and ends, and its configuration stays for its own tool to look at.
        String run = Docker.run("docker", "run", "--rm", "--network", "none", "-v", mount("alertmanager"),
                        "-v", secrets.toAbsolutePath() + ":/run/secrets:ro", "--tmpfs", "/tmp", "--entrypoint", "sh",
                        image("monitoring/docker-compose.prod.yml", "alertmanager"), "-c",
                        "sh /etc/alertmanager/start.sh --version && amtool check-config /tmp/alertmanager.yml && cat /tmp/alertmanager.yml"
                                + " && amtool config routes test --config.file=/tmp/alertmanager.yml severity=critical 2> /dev/null"
                                + " && amtool config routes test --config.file=/tmp/alertmanager.yml severity=warning 2> /dev/null")
                .assertSuccess()
                .text();

        assertThat(run).contains("SUCCESS").endsWith("critical\nwarning\n");
        String receivers = run.substring(run.indexOf("receivers:"));
        String critical = receivers.substring(0, receivers.indexOf("name: warning"));
        String warning = receivers.substring(receivers.indexOf("name: warning"));
        assertThat(critical.split("url_file:", -1)).hasSize(criticalHooks + 1);
        assertThat(critical.split("smarthost:", -1)).hasSize(criticalEmails + 1);
        assertThat(warning.split("url_file:", -1)).hasSize(warningHooks + 1);
        assertThat(warning.split("smarthost:", -1)).hasSize(warningEmails + 1);
    }

    @ParameterizedTest
    @CsvSource({
        "true, ServiceUnreachable",
        "false, 'ErrorBudgetBurns LatencyBudgetBurns QueueNotDraining ServiceUnreachable'"
    })
    void ofAllAlertsAtOnceThoseThatADeadDatabaseCausesAreSilencedByNoneButItsOwn(boolean databaseDown, String silenced, @TempDir Path secrets)
            throws IOException {
        Files.setPosixFilePermissions(secrets, PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.createFile(secrets.resolve("alert_webhook"));
        Files.createFile(secrets.resolve("alert_email"));
        Set<String> expected = new TreeSet<>(silenced.isEmpty() ? Set.of() : Set.of(silenced.split(" ")));
        StringBuilder alerts = new StringBuilder();
        for (Map<String, Object> rule : MonitoringFiles.rules()) {
            String name = (String) rule.get("alert");
            if (name != null && (databaseDown || !name.equals("DatabaseDown"))) {
                String labels = rule.get("labels").toString().replaceAll("[{},]", " ");
                alerts.append("ask add ").append(name).append(labels).append("&& ");
                if (databaseDown && labels.contains("needs=database")) {
                    expected.add(name);
                }
            }
        }

        // Who is silenced Alertmanager works out a moment after it has heard of an alert.
        String run = Docker.run("docker", "run", "--rm", "--network", "none", "-v", mount("alertmanager"),
                        "-v", secrets.toAbsolutePath() + ":/run/secrets:ro", "--tmpfs", "/tmp", "--tmpfs", "/alertmanager", "--entrypoint", "sh",
                        image("monitoring/docker-compose.prod.yml", "alertmanager"), "-c", """
                        ask() { amtool --alertmanager.url=http://127.0.0.1:9093 alert "$@"; }
                        sh /etc/alertmanager/start.sh > /tmp/log 2>&1 &
                        until ask query > /tmp/answer 2>&1; do kill -0 $! || { cat /tmp/log; exit 1; }; sleep 0.2; done
                        """ + alerts + "sleep 2 && ask query --inhibited --output=json")
                .assertSuccess()
                .text();

        Set<String> inhibited = new TreeSet<>();
        new JsonMapper().readTree(run).forEach(alert -> inhibited.add(alert.at("/labels/alertname").asString()));
        assertThat(inhibited).isEqualTo(expected).isNotEmpty();
    }

    private static String mount(String folder) {
        return MonitoringFiles.MONITORING.resolve(folder).toAbsolutePath().normalize() + ":/etc/" + folder + ":ro";
    }

    @SuppressWarnings("unchecked")
    private static String image(String file, String service) {
        String services = MonitoringFiles.read(Project.FOLDER.resolve(file)).replace("!reset", "").replace("!override", "");
        Map<String, Map<String, Object>> byName =
                (Map<String, Map<String, Object>>) new org.yaml.snakeyaml.Yaml().<Map<String, Object>>load(services).get("services");
        return (String) byName.get(service).get("image");
    }
}
