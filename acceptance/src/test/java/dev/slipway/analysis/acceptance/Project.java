package dev.slipway.analysis.acceptance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** The files of the project that is tested: the reference, or the one whose folder {@code -Dtested.project} names. */
final class Project {

    static final Path FOLDER = Path.of(System.getProperty("tested.project", ".."));

    /** The project's name, by which its images and networks are called. */
    static final String NAME = name();

    private static final Set<String> NOT_COPIED = Set.of("target", ".git", ".idea", "node_modules", "var", ".env");

    private static final Set<String> WORKSHOP = Set.of(".ci", "acceptance", "archetype", "bench");

    private Project() {}

    private static String name() {
        try (Stream<String> lines = Files.lines(FOLDER.resolve("docker-compose.yml"))) {
            return lines.filter(line -> line.startsWith("name: ")).findFirst().orElseThrow().substring("name: ".length());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The Compose files of the project and of its features. */
    static List<Path> composeFiles() throws IOException {
        List<Path> files = new ArrayList<>();
        for (Path folder : List.of(FOLDER, FOLDER.resolve("monitoring"))) {
            try (Stream<Path> found = Files.list(folder)) {
                found.filter(path -> path.getFileName().toString().matches("docker-compose.*\\.yml")).forEach(files::add);
            }
        }
        return files;
    }

    /** Copies what is needed to build and run, without what belongs to this machine or to the workshop. */
    static void copy(Path folder) throws IOException {
        Path from = FOLDER.toRealPath();
        Files.walkFileTree(from, new SimpleFileVisitor<>() {

            @Override
            public FileVisitResult preVisitDirectory(Path visited, BasicFileAttributes attributes) throws IOException {
                if (NOT_COPIED.contains(visited.getFileName().toString()) || WORKSHOP.contains(from.relativize(visited).toString())) {
                    return FileVisitResult.SKIP_SUBTREE;
                }
                Files.createDirectories(folder.resolve(from.relativize(visited).toString()));
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path visited, BasicFileAttributes attributes) throws IOException {
                boolean secret = visited.getParent().equals(from.resolve("secrets"));
                if (!secret && !NOT_COPIED.contains(visited.getFileName().toString())) {
                    Files.copy(visited, folder.resolve(from.relativize(visited).toString()), StandardCopyOption.COPY_ATTRIBUTES);
                }
                if (visited.equals(from.resolve("pom.xml"))) { // Which names the workshop's modules.
                    Files.writeString(folder.resolve("pom.xml"), Files.readString(visited)
                            .replaceAll("(?s)[^\\n]*reference-only:begin.*?reference-only:end[^\\n]*\\n", ""));
                }
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
