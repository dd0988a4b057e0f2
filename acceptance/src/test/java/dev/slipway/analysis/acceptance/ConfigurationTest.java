package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What can be said of the Compose files without an engine. */
class ConfigurationTest {

    @Test
    void envExampleHoldsEveryVariableThatAComposeFileReadsWithItsDefault() throws IOException {
        Map<String, String> read = new TreeMap<>();
        for (Path file : Project.composeFiles()) {
            Pattern.compile("\\$\\{(\\w+)(?::-([^}]*))?}").matcher(Files.readString(file)).results()
                    .filter(variable -> !variable.group(1).equals("COMPOSE_PROJECT_NAME")) // Compose's own.
                    .forEach(variable -> assertThat(read.merge(variable.group(1), String.valueOf(variable.group(2)), (one, other) -> one))
                            .as(variable.group(1) + " has one default")
                            .isEqualTo(String.valueOf(variable.group(2))));
        }
        Map<String, String> described = new TreeMap<>();
        Pattern.compile("(?m)^# (?!COMPOSE_)([A-Z][A-Z0-9_]*)=(.*)$").matcher(Files.readString(Project.FOLDER.resolve(".env.example"))).results()
                .forEach(variable -> described.put(variable.group(1), variable.group(2)));

        assertThat(described).isEqualTo(read);
    }

    /** Where Docker's client puts a company's proxy into every container, it would be asked for 127.0.0.1. */
    @Test
    void everyHealthCheckAsksItsOwnContainerAndNoProxy() throws IOException {
        List<String> checks = Project.composeFiles().stream()
                .flatMap(file -> Pattern.compile("\\bwget\\b.{0,15}").matcher(MonitoringFiles.read(file)).results().map(check -> check.group()))
                .toList();

        assertThat(checks).hasSizeGreaterThan(8).allMatch(check -> check.startsWith("wget\", \"-Y\", \"off\"") || check.startsWith("wget -Y off "));
    }
}
