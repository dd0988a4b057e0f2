package dev.slipway.archetype;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Runs the Maven that runs the tests, in a folder of its own under target. */
final class Maven {

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
        return Run.of(folder, input, command);
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
