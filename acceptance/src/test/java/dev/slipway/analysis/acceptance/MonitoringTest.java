package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Production with its monitoring and the mixnet, under load and without its database. */
@ExtendWith(Docker.class)
class MonitoringTest {

    private static final JsonMapper JSON = new JsonMapper();

    /** Where no registry is reached, there is no image of these. */
    private static final List<String> NOT_STARTED = List.of("grafana", "loki", "alloy", "cadvisor");

    /** Metrics of what is not started here; panels of logs are not checked either. */
    private static final Pattern NOT_CHECKED = Pattern.compile("\\bcontainer_");

    private static final Queue<String> notifications = new ConcurrentLinkedQueue<>();

    @TempDir
    static Path project;

    private static HttpServer receiver;
    private static Stack stack;

    @BeforeAll
    static void up() throws Exception {
        System.out.println("SKIPPED: " + String.join(", ", NOT_STARTED) + ": no image of them here");
        receiver = HttpServer.create(new InetSocketAddress(0), 0);
        receiver.createContext("/", exchange -> {
            notifications.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        receiver.start();
        String host = Docker.run("docker", "network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge")
                .assertSuccess()
                .text()
                .strip();

        stack = Stack.production(project).profile("monitoring");
        Path webhook = project.resolve("secrets/alert_webhook.url");
        webhook.toFile().setWritable(true);
        Files.writeString(webhook, "http://" + host + ":" + receiver.getAddress().getPort() + "/\n");
        Files.copy(Path.of("src/test/resources/monitored-production.yml"), project.resolve("monitored.yml"));
        stack.with("COMPOSE_FILE", stack.variable("COMPOSE_FILE") + ":docker-compose.betanet.yml:monitored.yml")
                .with("APP_CPUS", "1.5")
                .with("WORKER_CPUS", "1.5")
                .script("secrets.sh")
                .assertSuccess();
        stack.up("edge", "worker", "betanet-mixnode-3", "prometheus", "nginx-exporter", "mysqld-exporter", "alertmanager", "node-exporter");
        await().atMost(Duration.ofMinutes(2)).untilAsserted(() -> assertThat(targets()).isEqualTo(
                Map.of("app", "up", "db", "up", "edge", "up", "mixnode", "up", "nginx", "up", "node", "up", "prometheus", "up", "way", "up", "worker", "up")));
    }

    @AfterAll
    static void down() {
        if (stack != null) {
            stack.close();
        }
        receiver.stop(0);
    }

    @Test
    void everyExpressionOfEveryPanelAndRuleReturnsData() throws Exception {
        stack.script("backup.sh").assertSuccess();
        load(Duration.ofSeconds(45));

        Set<String> without = new TreeSet<>();
        Set<String> notChecked = new TreeSet<>();
        int checked = 0;
        for (String expression : expressions()) {
            if (NOT_CHECKED.matcher(expression).find()) {
                notChecked.add(expression);
            } else {
                checked++;
                if (query(expression).isEmpty()) {
                    without.add(expression);
                }
            }
        }

        // A scrape that took too long leaves a moment without data.
        await().atMost(Duration.ofMinutes(2)).pollInterval(Duration.ofSeconds(5)).until(() -> {
            without.removeIf(expression -> !query(expression).isEmpty());
            return without.isEmpty();
        });
        MonitoringFiles.queries().stream()
                .filter(query -> query.datasource().equals("loki"))
                .forEach(query -> notChecked.add(query.expression()));
        System.out.printf("Expressions: %d checked, %d not checked%n", checked, notChecked.size());
        notChecked.forEach(expression -> System.out.println("  not checked: " + expression));
        System.out.println("Series: " + query("prometheus_tsdb_head_series").get(0).at("/value/1").asString());
        System.out.println(Docker.run(Stream.concat(
                                Stream.of("docker", "stats", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}} {{.MemUsage}}"),
                                stack.containers().stream())
                        .toArray(String[]::new))
                .text());
        assertThat(checked).isGreaterThan(80);
    }

    @Test
    void aStoppedDatabaseIsReportedAndSoIsItsReturn() throws Exception {
        notifications.clear();
        Instant stopped = Instant.now();
        stack.compose("stop", "db").assertSuccess();
        try {
            await().atMost(Duration.ofMinutes(3)).until(() -> notified("DatabaseDown", "firing"));
            System.out.println("From the stopped database to the alert: " + Duration.between(stopped, Instant.now()).toSeconds() + " s");
            assertThat(notifications).anyMatch(body -> body.contains("docs/runbook.md#databasedown"));
            assertThat(query("up{job=\"app\"} == 1")).as("the service is up, and ServiceDown quiet").isNotEmpty();
            assertThat(query("up{job=\"way\"} == 0")).as("who asks as clients do is not served").isNotEmpty();
        } finally {
            stack.compose("start", "db").assertSuccess();
        }
        Instant started = Instant.now();
        await().atMost(Duration.ofMinutes(4)).until(() -> notified("DatabaseDown", "resolved"));
        System.out.println("From its start to the resolution: " + Duration.between(started, Instant.now()).toSeconds() + " s");
    }

    @Test
    void theExporterOfTheDatabaseSeesNoTable() {
        String[] ask = {"exec", "-T", "db", "bash", "-c",
            "mariadb --defaults-file=<(printf '[client]\\nuser=exporter\\npassword=\"%s\"\\n' \"$(< /run/secrets/db_exporter)\") -h 127.0.0.1 -e \"$0\""};

        assertThat(ask(ask, "SHOW GRANTS").assertSuccess().text()).contains("GRANT USAGE ON *.*").doesNotContain("GRANT SELECT", "PROCESS");
        assertThat(ask(ask, "SELECT * FROM app.analysis").text()).contains("denied");
    }

    @Test
    void theExporterOfTheDatabaseGetsANewPasswordAndAnOlderDatabaseItsUser() {
        stack.sql("DROP USER exporter@'%'");
        stack.compose("restart", "db").assertSuccess(); // As a deploy does, which brings an older database what is new of accounts.sql.
        await().atMost(Duration.ofMinutes(2)).until(() -> mysqlUp().equals("0"));

        stack.script("secrets.sh", "rotate", "db_exporter", "--yes").assertSuccess();

        await().atMost(Duration.ofMinutes(2)).until(() -> mysqlUp().equals("1"));
    }

    @Test
    void nothingOfTheMonitoringIsPublishedAndTheGatewayKeepsItsNumbersIn() throws Exception {
        Set<String> published = new TreeSet<>();
        for (String container : stack.containers()) {
            Stack.inspect(container).at("/NetworkSettings/Ports").forEach(bindings -> bindings.forEach(
                    binding -> published.add(binding.path("HostPort").asString())));
        }

        assertThat(published).containsExactlyInAnyOrder(stack.httpPort(), stack.variable("EDGE_HTTP_PORT"), stack.variable("EDGE_HTTPS_PORT"));
        assertThat(stack.get("/stub_status").statusCode()).isEqualTo(404);
        assertThat(stack.compose("exec", "-T", "prometheus", "wget", "-Y", "off", "-T", "3", "-q", "-O", "-", "http://nginx:8082/stub_status").text())
                .contains("Connection refused");
    }

    /** Who reaches Alertmanager can silence every alert, and who reaches Loki reads every log. */
    @Test
    void nobodyReachesAlertmanagerOrLokiButWhoMust() {
        Map<String, Set<String>> members = new TreeMap<>();
        for (var service : JSON.readTree(stack.compose("config", "--format", "json").text()).get("services").properties()) {
            service.getValue().path("networks").propertyNames().forEach(
                    network -> members.computeIfAbsent(network, any -> new TreeSet<>()).add(service.getKey()));
        }
        assertThat(members.get("alerting")).containsExactly("alertmanager");
        assertThat(members.get("alertmanager")).containsExactly("alertmanager", "prometheus");
        assertThat(members.get("dashboards")).containsExactly("alloy", "grafana", "loki", "prometheus");
        assertThat(members.get("monitoring")).doesNotContain("alertmanager", "alloy", "grafana", "loki");

        String database = Stack.inspect(stack.containers("db").get(0)).at("/Config/Image").asString();
        StringBuilder attempts = new StringBuilder();
        Stack.inspect(stack.containers("alertmanager").get(0)).at("/NetworkSettings/Networks").forEach(
                network -> attempts.append(" ").append(network.get("IPAddress").asString()));
        String said = Docker.run("docker", "run", "--rm", "--network", "container:" + stack.containers("worker").get(0), "--entrypoint", "bash",
                        database, "-c", "for host in prometheus:9090 alertmanager:9093" + attempts.toString().replaceAll("(\\S+)", "$1:9093")
                                + "; do timeout 3 bash -c \"< /dev/tcp/${host/://}\" 2> /dev/null && echo $host; done; true")
                .assertSuccess()
                .text();
        assertThat(said.strip()).isEqualTo("prometheus:9090");
    }

    @Test
    void noContainerHasDockersSocketOrIsRoot() {
        JsonNode services = JSON.readTree(stack.compose("config", "--format", "json").text()).get("services");

        assertThat(services.propertyNames()).containsAll(NOT_STARTED);
        assertThat(services.toString()).doesNotContain("docker.sock");
        for (String name : services.propertyNames()) {
            JsonNode service = services.get(name);
            if (!service.has("build")) {
                assertThat(service.path("user").asString("")).as(name).matches("[1-9]\\d*:\\d+");
            }
            assertThat(service.at("/read_only").asBoolean()).as(name).isTrue();
            assertThat(service.at("/cap_drop").toString()).as(name).isEqualTo("[\"ALL\"]");
            assertThat(service.at("/security_opt").toString()).as(name).contains("no-new-privileges");
            assertThat(service.at("/deploy/resources/limits").propertyNames()).as(name).contains("cpus", "memory", "pids");
        }
    }

    /** Alloy's way to the logs, gone by its user in another image. */
    @Test
    void alloysUserReadsTheLogsOfContainersAndNothingElse() throws Exception {
        stack.get("/api/none");
        await().atMost(Duration.ofSeconds(60)).until(() -> stack.compose("logs", "nginx").text().contains("/api/none")); // A line, which nginx keeps for a second.
        JsonNode alloy = JSON.readTree(stack.compose("config", "--format", "json").text()).at("/services/alloy");
        List<String> command = new ArrayList<>(List.of("docker", "run", "--rm", "--network", "none", "--cap-drop", "ALL",
                "--user", alloy.get("user").asString()));
        for (JsonNode volume : alloy.get("volumes")) {
            if (volume.get("type").asString().equals("bind")) {
                command.addAll(List.of("-v", volume.get("source").asString() + ":" + volume.get("target").asString() + ":ro"));
            }
        }
        String id = stack.containers("nginx").get(0);
        String database = Stack.inspect(stack.containers("db").get(0)).at("/Config/Image").asString();
        command.addAll(List.of("--entrypoint", "bash", database, "-c", """
                ls -d /host/cgroup/{docker,memory/docker}/*/cgroup.procs /host/cgroup/{,memory/}system.slice/docker-*.scope/cgroup.procs
                cd /var/lib/docker/containers
                head -1 $0/$0-json.log
                ls . || cat $0/config.v2.json
                """, id));

        String seen = Docker.run(command.toArray(String[]::new)).text();

        assertThat(seen)
                .containsPattern(id + "(\\.scope)?/cgroup.procs")
                .contains("\"com.docker.compose.service\":\"nginx\"", "\"com.docker.compose.project\":" + alloy.at("/environment/PROJECT"))
                .contains("cannot open directory '.': Permission denied", "config.v2.json: Permission denied");
    }

    private static Docker.Output ask(String[] command, String sql) {
        List<String> all = new ArrayList<>(List.of(command));
        all.add(sql);
        return stack.compose(all.toArray(String[]::new));
    }

    /** Panels' expressions and recording rules as they are; of an alert, whose own answer is empty, each selector. */
    private static Set<String> expressions() {
        Set<String> expressions = MonitoringFiles.queries().stream()
                .filter(query -> query.datasource().equals("prometheus") && !query.dashboard().equals("hosts.json"))
                .map(query -> query.expression().replace("$__rate_interval", "1m"))
                .collect(Collectors.toCollection(TreeSet::new));
        for (Map<String, Object> rule : MonitoringFiles.rules("rules.yml")) {
            String expression = (String) rule.get("expr");
            if (rule.containsKey("record")) {
                expressions.add(expression);
            } else {
                selectors(api("parse_query?query=" + encode(expression)), expressions);
            }
        }
        return expressions;
    }

    private static void selectors(JsonNode node, Set<String> selectors) {
        if (node.path("type").asString("").matches("vectorSelector|matrixSelector")) {
            List<String> matchers = new ArrayList<>();
            node.get("matchers").forEach(matcher -> {
                if (!matcher.get("name").asString().equals("__name__")) {
                    matchers.add(matcher.get("name").asString() + matcher.get("type").asString()
                            + "\"" + matcher.get("value").asString() + "\"");
                }
            });
            selectors.add(node.get("name").asString() + "{" + String.join(",", matchers) + "}");
        }
        node.forEach(child -> selectors(child, selectors));
    }

    private static String mysqlUp() {
        return query("mysql_up").at("/0/value/1").asString("");
    }

    private static JsonNode query(String expression) {
        return api("query?query=" + encode(expression)).get("result");
    }

    private static Map<String, String> targets() {
        List<JsonNode> targets = new ArrayList<>();
        api("targets?state=active").get("activeTargets").forEach(targets::add);
        return targets.stream().collect(Collectors.toMap(
                target -> target.at("/labels/job").asString(), target -> target.get("health").asString(), (one, other) -> one));
    }

    private static JsonNode api(String path) {
        String answer = stack.exec("prometheus", "wget", "-Y", "off", "-q", "-O", "-", "http://127.0.0.1:9090/api/v1/" + path)
                .assertSuccess()
                .text();
        return JSON.readTree(answer).get("data");
    }

    private static String encode(String expression) {
        return URLEncoder.encode(expression, StandardCharsets.UTF_8);
    }

    private static boolean notified(String alert, String status) {
        return notifications.stream().map(JSON::readTree).anyMatch(notification -> {
            for (JsonNode each : notification.get("alerts")) {
                if (each.at("/labels/alertname").asString().equals(alert) && each.get("status").asString().equals(status)) {
                    return true;
                }
            }
            return false;
        });
    }

    /** Every kind of request: taken in, failed by its worker, read, listed, unknown, refused, and sent through the mixnet. */
    private static void load(Duration duration) throws IOException, InterruptedException {
        Instant end = Instant.now().plus(duration);
        CompletableFuture<Void> mixed = CompletableFuture.runAsync(() -> {
            while (Instant.now().isBefore(end)) {
                stack.compose("run", "--rm", "-T", "--no-deps", "betanet-client").assertSuccess();
            }
        });
        for (int i = 0; Instant.now().isBefore(end); i++) {
            String location = stack.submit("load-" + i).headers().firstValue("Location").orElse("/api/analyses");
            stack.submit("far-apart-" + i, "[-1e308, 1e308]");
            stack.get(location);
            stack.get("/api/analyses");
            stack.get("/api/none");
            for (String token : Arrays.asList(null, "of-no-form", Stack.newToken())) {
                stack.getAs(token, "/api/analyses");
            }
            Thread.sleep(100);
        }
        mixed.join();
    }
}
