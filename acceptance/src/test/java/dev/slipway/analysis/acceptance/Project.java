package dev.slipway.analysis.acceptance;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Set;

/** The project's files. */
final class Project {

    static final Path FOLDER = Path.of("..");

    private static final Set<String> NOT_COPIED = Set.of("target", ".git", ".idea", "node_modules", "backups", ".env");

    private Project() {}

    /** Copies what is needed to build and run, without what belongs to this machine. */
    static void copy(Path folder) throws IOException {
        Path from = FOLDER.toRealPath();
        Files.walkFileTree(from, new SimpleFileVisitor<>() {

            @Override
            public FileVisitResult preVisitDirectory(Path visited, BasicFileAttributes attributes) throws IOException {
                if (NOT_COPIED.contains(visited.getFileName().toString())) {
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
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
