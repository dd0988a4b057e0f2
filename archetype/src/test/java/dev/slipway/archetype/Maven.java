package dev.slipway.archetype;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs the Maven that runs the tests, in a folder of its own under target. */
final class Maven {

    record Run(int exitCode, String output) {

        Run assertSuccess() {
            assertThat(exitCode).as(output).isZero();
            return this;
        }
    }

    private Maven() {}

    /** An empty folder, in a path with a space. */
    static Path emptyFolder(String name) throws IOException {
        Path folder = Path.of("target", "generated projects", name).toAbsolutePath();
        if (Files.exists(folder)) {
            try (var paths = Files.walk(folder)) {
                paths.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
            }
        }
        return Files.createDirectories(folder);
    }

    static Run generate(Path folder, String... properties) throws IOException, InterruptedException {
        return run(folder, "", generateArguments("-B", properties));
    }

    /** @param answers what a user types, a line for each question */
    static Run generateInteractively(Path folder, String answers) throws IOException, InterruptedException {
        return run(folder, answers, generateArguments("-ntp"));
    }

    static Run run(Path folder, String input, List<String> arguments) throws IOException, InterruptedException {
        boolean windows = System.getProperty("os.name").startsWith("Windows");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("maven.home"), "bin", windows ? "mvn.cmd" : "mvn").toString());
        command.add("-Dmaven.repo.local=" + System.getProperty("maven.repo.local"));
        command.addAll(arguments);
        Path log = Files.createTempFile(folder.getParent(), "maven", ".log");
        Process maven = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        maven.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
        maven.getOutputStream().close();
        if (!maven.waitFor(15, TimeUnit.MINUTES)) {
            maven.destroy();
        }
        Run run = new Run(maven.waitFor(), Files.readString(log));
        Files.delete(log);
        return run;
    }

    private static List<String> generateArguments(String mode, String... properties) {
        List<String> arguments = new ArrayList<>(List.of(
                mode,
                "archetype:generate",
                "-DarchetypeCatalog=local",
                "-DarchetypeGroupId=dev.slipway",
                "-DarchetypeArtifactId=slipway-archetype",
                "-DarchetypeVersion=0.1.0"));
        for (String property : properties) {
            arguments.add("-D" + property);
        }
        return arguments;
    }
}
