package dev.slipway.analysis.acceptance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.yaml.snakeyaml.Yaml;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The rules and dashboards of {@code monitoring/}, read as data. */
final class MonitoringFiles {

    static final Path MONITORING = Project.FOLDER.resolve("monitoring");

    /** A query of a panel. */
    record Query(String dashboard, String panel, String datasource, String expression) {}

    private MonitoringFiles() {}

    /** Every rule; an alert has an {@code alert}, a recording rule a {@code record}. */
    static List<Map<String, Object>> rules() {
        return Stream.concat(rules("rules.yml").stream(), rules("swarm-rules.yml").stream()).toList();
    }

    /** Those of one file, of which there are none where there is no such file. */
    static List<Map<String, Object>> rules(String file) {
        Path path = MONITORING.resolve("prometheus").resolve(file);
        List<Map<String, Object>> rules = new ArrayList<>();
        for (Map<String, Object> group : Files.exists(path) ? list(yaml(path).get("groups")) : List.<Map<String, Object>>of()) {
            rules.addAll(list(group.get("rules")));
        }
        return rules;
    }

    /** Every test of a rule, by its file's name. */
    static List<Map<String, Object>> ruleTests() {
        List<Map<String, Object>> tests = new ArrayList<>();
        for (Path file : filesOf(Path.of("src/test/resources/prometheus"))) {
            tests.addAll(list(yaml(file).get("tests")));
        }
        return tests;
    }

    static Map<String, JsonNode> dashboards() {
        Map<String, JsonNode> dashboards = new LinkedHashMap<>();
        for (Path file : files("grafana/dashboards")) {
            dashboards.put(file.getFileName().toString(), new JsonMapper().readTree(file.toFile()));
        }
        return dashboards;
    }

    static List<Query> queries() {
        List<Query> queries = new ArrayList<>();
        dashboards().forEach((name, dashboard) -> dashboard.get("panels").forEach(panel -> panel.get("targets").forEach(target ->
                queries.add(new Query(
                        name,
                        panel.get("title").asString(),
                        panel.at("/datasource/uid").asString(),
                        target.get("expr").asString())))));
        return queries;
    }

    static Map<String, Object> yaml(Path file) {
        return new Yaml().load(read(file));
    }

    @SuppressWarnings("unchecked")
    static List<Map<String, Object>> list(Object list) {
        return list == null ? List.of() : (List<Map<String, Object>>) list;
    }

    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<Path> files(String folder) {
        return filesOf(MONITORING.resolve(folder));
    }

    private static List<Path> filesOf(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
