package dev.slipway.archetype;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class RoundTripIT {

    private static final Path REFERENCE = Path.of("..");

    @Test
    void theReferencesOwnNamesGiveBackTheReference() throws Exception {
        assumeTrue(Files.exists(REFERENCE.resolve(".git")), "SKIPPED: without .git nothing says which files are tracked");
        Path folder = Maven.emptyFolder("round trip");

        Maven.generate(
                        folder,
                        "groupId=dev.slipway",
                        "artifactId=analysis",
                        "version=0.1.0",
                        "package=dev.slipway.analysis",
                        "cluster=true",
                        "dbImage=mariadb:10.6",
                        "httpPort=881")
                .assertSuccess();

        Path project = folder.resolve("analysis");
        Map<String, String> generated = files(project);
        Map<String, String> reference = trackedFiles();
        assertThat(generated).hasSizeLessThanOrEqualTo(204).hasSameSizeAs(reference);
        assertThat(generated.keySet()).isEqualTo(reference.keySet());
        reference.forEach((path, content) -> assertThat(generated.get(path)).as(path).isEqualTo(content));

        for (String path : reference.keySet()) {
            assertThat(Files.isExecutable(project.resolve(path)))
                    .as("executable bit of " + path)
                    .isEqualTo(Files.isExecutable(REFERENCE.resolve(path)));
        }
    }

    private static Map<String, String> trackedFiles() throws IOException, InterruptedException {
        Process git = new ProcessBuilder("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
                .directory(REFERENCE.toFile())
                .start();
        String list = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(git.waitFor()).isZero();
        Map<String, String> files = new TreeMap<>();
        for (String path : list.split("\0")) {
            if (Packer.REFERENCE_ONLY.stream().noneMatch(only -> path.equals(only) || only.endsWith("/") && path.startsWith(only))) {
                files.put(path, withoutBlocks(read(REFERENCE.resolve(path))));
            }
        }
        return files;
    }

    /** What is left of a file of the reference where the lines for the reference alone are gone. */
    private static String withoutBlocks(String content) {
        StringBuilder kept = new StringBuilder();
        boolean keep = true;
        for (String line : content.split("(?<=\n)")) {
            keep &= !line.contains("reference-only:" + "begin");
            kept.append(keep ? line : "");
            keep |= line.contains("reference-only:" + "end");
        }
        return kept.toString();
    }

    private static Map<String, String> files(Path folder) throws IOException {
        try (Stream<Path> paths = Files.walk(folder)) {
            return paths.filter(Files::isRegularFile)
                    .collect(Collectors.toMap(
                            path -> folder.relativize(path).toString(), RoundTripIT::read, (a, b) -> a, TreeMap::new));
        }
    }

    /** Latin 1 keeps every byte apart. */
    private static String read(Path path) {
        try {
            return Files.readString(path, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
