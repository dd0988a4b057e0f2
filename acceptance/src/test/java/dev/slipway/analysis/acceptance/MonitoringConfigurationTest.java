package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What can be said of rules and dashboards without starting anything. */
class MonitoringConfigurationTest {

    private static final int COLUMNS = 24;

    /** Of 38 pixels each; with Grafana's own bar a screen of 1080 pixels shows as many. */
    private static final int ROWS = 24;

    @Test
    void everyAlertIsTestedBothWhereItFiresAndWhereItIsQuiet() {
        Set<String> firing = new HashSet<>();
        Set<String> quiet = new HashSet<>();
        for (Map<String, Object> test : MonitoringFiles.ruleTests()) {
            for (Map<String, Object> alert : MonitoringFiles.list(test.get("alert_rule_test"))) {
                (alert.get("exp_alerts") == null ? quiet : firing).add((String) alert.get("alertname"));
            }
        }

        Set<String> alerts = names("alert");
        assertThat(alerts).isNotEmpty();
        assertThat(firing).isEqualTo(alerts);
        assertThat(quiet).isEqualTo(alerts);
    }

    @Test
    void everyRecordingRuleIsTested() {
        String tested = MonitoringFiles.ruleTests().stream()
                .flatMap(test -> MonitoringFiles.list(test.get("promql_expr_test")).stream())
                .map(test -> (String) test.get("expr"))
                .collect(Collectors.joining("\n"));

        assertThat(names("record")).isNotEmpty().allSatisfy(name -> assertThat(tested).containsPattern(name + "\\b"));
    }

    @Test
    void everyAlertHasASeverityASummaryAndAParagraphOfTheRunbook() {
        List<String> paragraphs = MonitoringFiles.read(Project.FOLDER.resolve("docs/runbook.md"))
                .lines()
                .filter(line -> line.startsWith("## "))
                .map(line -> line.substring(3))
                .toList();

        assertThat(paragraphs).containsExactlyInAnyOrderElementsOf(names("alert"));
        for (Map<String, Object> rule : MonitoringFiles.rules()) {
            if (rule.containsKey("alert")) {
                String name = (String) rule.get("alert");
                assertThat(rule.get("labels")).asString().as(name).containsPattern("severity=(critical|warning)\\b");
                assertThat(rule.get("annotations")).asString().as(name).contains("summary=", "docs/runbook.md#" + name.toLowerCase());
            }
        }
    }

    @Test
    void everyDashboardFitsOneScreenAndSaysInWhatUnitItMeasures() {
        assertThat(MonitoringFiles.dashboards()).containsOnlyKeys("overview.json", "betanet-overview.json", "betanet-performance.json", "hosts.json");
        Set<String> datasources = MonitoringFiles.list(MonitoringFiles.yaml(
                                MonitoringFiles.MONITORING.resolve("grafana/provisioning/datasources/datasources.yml"))
                        .get("datasources"))
                .stream()
                .map(datasource -> (String) datasource.get("uid"))
                .collect(Collectors.toSet());
        MonitoringFiles.dashboards().forEach((name, dashboard) -> {
            assertThat(dashboard.get("uid").asString() + ".json").isEqualTo(name);
            Set<Integer> ids = new HashSet<>();
            boolean[][] taken = new boolean[COLUMNS][ROWS];
            for (JsonNode panel : dashboard.get("panels")) {
                String title = name + ": " + panel.get("title").asString();
                assertThat(ids.add(panel.get("id").asInt())).as(title).isTrue();
                assertThat(datasources).as(title).contains(panel.at("/datasource/uid").asString());
                assertThat(panel.get("targets")).as(title).isNotEmpty();
                if (!panel.get("type").asString().equals("logs")) {
                    assertThat(panel.at("/fieldConfig/defaults/unit").asString("")).as(title).isNotEmpty();
                }
                JsonNode at = panel.get("gridPos");
                for (int x = at.get("x").asInt(); x < at.get("x").asInt() + at.get("w").asInt(); x++) {
                    for (int y = at.get("y").asInt(); y < at.get("y").asInt() + at.get("h").asInt(); y++) {
                        assertThat(taken[x][y]).as("%s overlaps another panel", title).isFalse();
                        taken[x][y] = true;
                    }
                }
            }
        });
    }

    @Test
    void aClickOnASlowRequestAsksForTheLinesOfThatRequest() {
        List<String> urls = MonitoringFiles.dashboards().get("overview.json").findValuesAsString("url").stream()
                .filter(url -> url.startsWith("/explore"))
                .toList();

        assertThat(urls).hasSize(1);
        String panes = urls.get(0).substring(urls.get(0).indexOf("panes=") + "panes=".length());
        JsonNode pane = new JsonMapper().readTree(URLDecoder.decode(panes, StandardCharsets.UTF_8)).get("a");
        assertThat(pane.at("/queries/0/expr").asString()).isEqualTo("{service=~\".+\"} | request_id=\"${__value.raw}\"");
        assertThat(pane.at("/queries/0/datasource/uid").asString()).isEqualTo("loki");
    }

    /** And refuse two that have a mistake each, or it would prove nothing. */
    @Test
    void grafanasOwnTypesAcceptEveryDashboard(@TempDir Path folder) throws IOException {
        Docker.Output installed = Docker.run(folder, Map.of(), "npm", "install", "--prefix", ".", "--no-save", "--no-audit", "--no-fund",
                "--prefer-offline", "--fetch-retries=0", "--fetch-timeout=20000", "@grafana/schema@12.4.11", "typescript@5.9.3");
        if (installed.exitCode() != 0) {
            System.out.println("SKIPPED: Grafana's types of the dashboards, for npm cannot install them: "
                    + installed.text().lines().filter(line -> !line.startsWith("npm warn")).findFirst().orElse(""));
        }
        assumeTrue(installed.exitCode() == 0);
        Path resources = Path.of("src/test/resources/dashboards");
        Files.copy(resources.resolve("dashboard.ts"), folder.resolve("dashboard.ts"));
        String declaration = "import type { Checked } from './dashboard';\nexport const dashboard: Checked = ";
        for (Path file : MonitoringFiles.files("grafana/dashboards")) {
            Files.writeString(folder.resolve(file.getFileName() + ".ts"), declaration + MonitoringFiles.read(file));
        }
        String overview = MonitoringFiles.read(MonitoringFiles.MONITORING.resolve("grafana/dashboards/overview.json"));
        Files.writeString(folder.resolve("name.ts"), declaration + overview.replaceFirst("\"graphMode\"", "\"graphMod\""));
        Files.writeString(folder.resolve("value.ts"), declaration + overview.replaceFirst("\"fillOpacity\": 10", "\"fillOpacity\": \"10\""));
        List<String> compiler = new ArrayList<>(List.of(
                "node", "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "preserve"));
        try (Stream<Path> sources = Files.list(folder)) {
            sources.map(Path::getFileName).map(Path::toString).filter(name -> name.endsWith(".ts")).forEach(compiler::add);
        }

        String mistakes = Docker.run(folder, Map.of(), compiler.toArray(String[]::new)).text();

        assertThat(mistakes.lines().filter(line -> line.contains("error TS")))
                .hasSize(2)
                .anyMatch(line -> line.startsWith("name.ts(") && line.contains("graphMod\"'"))
                .anyMatch(line -> line.startsWith("value.ts("));
    }

    private static Set<String> names(String kind) {
        return MonitoringFiles.rules().stream()
                .filter(rule -> rule.containsKey(kind))
                .map(rule -> (String) rule.get(kind))
                .collect(Collectors.toSet());
    }
}
