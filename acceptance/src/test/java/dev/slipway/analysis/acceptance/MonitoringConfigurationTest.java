package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

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
        assertThat(MonitoringFiles.dashboards()).containsOnlyKeys("overview.json", "betanet-overview.json", "betanet-performance.json");
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

    private static Set<String> names(String kind) {
        return MonitoringFiles.rules().stream()
                .filter(rule -> rule.containsKey(kind))
                .map(rule -> (String) rule.get(kind))
                .collect(Collectors.toSet());
    }
}
