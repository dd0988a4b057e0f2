package dev.slipway.archetype;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FeaturesIT {

    private static final String[] CLUSTER = {"kubernetes", "kustomiz", "swarm"};
    private static final String[] MIXNET = {"mixn", "betanet", "tink"};
    private static final String[] MONITORING = {
        "monitoring", "grafana", "loki", "alloy", "alertmanager", "cadvisor", "mysqld-exporter", "node-exporter", "db_exporter", "runbook", "prometheus:"
    };

    @ParameterizedTest(name = "cluster={0}, monitoring={1}, mixnet={2}")
    @CsvSource({"false, true, false", "true, false, true", "false, false, false"})
    void aProjectHoldsNoWordOfAFeatureThatWasNotChosenAndItsLayersMerge(boolean cluster, boolean monitoring, boolean mixnet) throws Exception {
        Path folder = Maven.emptyFolder("features");

        Maven.generate(folder, "artifactId=orders", "cluster=" + cluster, "monitoring=" + monitoring, "mixnet=" + mixnet).assertSuccess();

        Path project = folder.resolve("orders");
        assertHolds(project, cluster, monitoring, mixnet);
        System.out.printf("cluster=%s, monitoring=%s, mixnet=%s: %d files, %d lines, %d entries%n",
                cluster, monitoring, mixnet, files(project).size(), lines(project), entries(project));
        if (!mixnet) {
            assertThat(files(project)).hasSizeLessThanOrEqualTo(150);
            assertThat(lines(project)).isLessThanOrEqualTo(14_230);
            assertThat(entries(project)).isLessThanOrEqualTo(13);
        }
    }

    /** No word of another feature, scripts that can be read, and layers that merge. */
    static void assertHolds(Path project, boolean cluster, boolean monitoring, boolean mixnet) throws Exception {
        for (Path file : files(project)) {
            String text = project.relativize(file) + "\n" + Files.readString(file, StandardCharsets.ISO_8859_1);
            if (file.toString().endsWith(".sh")) {
                Run.of(project, "", List.of("bash", "-n", file.toString())).assertSuccess();
            }
            if (!cluster) {
                assertThat(text).doesNotContainIgnoringCase(CLUSTER);
            }
            if (!mixnet) {
                assertThat(text).doesNotContainIgnoringCase(MIXNET);
            }
            if (!monitoring) {
                assertThat(text).doesNotContainIgnoringCase(MONITORING);
            }
        }
        List<String> layers = new ArrayList<>(List.of(
                "docker-compose.yml", "docker-compose.yml:docker-compose.override.yml", "docker-compose.yml:docker-compose.prod.yml"));
        if (mixnet) {
            layers.addAll(List.of("docker-compose.yml:docker-compose.betanet.yml", "docker-compose.yml:docker-compose.override.yml:docker-compose.betanet.yml"));
        }
        for (String set : layers) {
            model(project, set).ifPresent(Run::assertSuccess);
        }
    }

    /** What Compose makes of these layers; nothing where there is no Compose. */
    static Optional<Run> model(Path project, String layers) throws Exception {
        if (Run.of(project, "", List.of("docker", "compose", "version")).exitCode() != 0) {
            System.out.println("SKIPPED: whether the layers of a generated project merge, for there is no Docker Compose");
            return Optional.empty();
        }
        return Optional.of(Run.of(project, "", List.of("env", "COMPOSE_FILE=" + layers, "docker", "compose", "--profile", "*", "config")));
    }

    /** What is there but for git's own. */
    static List<Path> files(Path project) throws IOException {
        try (Stream<Path> files = Files.walk(project)) {
            return files.filter(file -> Files.isRegularFile(file) && !project.relativize(file).startsWith(".git")).toList();
        }
    }

    private static long lines(Path project) throws IOException {
        long lines = 0;
        for (Path file : files(project)) {
            lines += Files.readString(file, StandardCharsets.ISO_8859_1).lines().count();
        }
        return lines;
    }

    /** What a user sees at the root. */
    private static long entries(Path project) throws IOException {
        try (Stream<Path> entries = Files.list(project)) {
            return entries.filter(entry -> !entry.getFileName().toString().startsWith(".")).count();
        }
    }
}
