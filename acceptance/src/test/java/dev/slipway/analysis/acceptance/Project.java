package dev.slipway.analysis.acceptance;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Set;

/** The project that is tested, for a test that changes it. */
final class Project {

    private static final Set<String> NOT_COPIED = Set.of("target", ".git", ".idea", "node_modules", "backups");
    private static final Set<String> OF_THIS_HOST = Set.of(".env", ".git");

    private Project() {}

    /** Copies what a clone would have, as far as a folder's name tells. */
    static void copyTo(Path to) throws IOException {
        Path from = Docker.PROJECT.toRealPath();
        Files.walkFileTree(from, new SimpleFileVisitor<>() {

            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) throws IOException {
                if (NOT_COPIED.contains(folder.getFileName().toString())) {
                    return FileVisitResult.SKIP_SUBTREE;
                }
                Files.createDirectories(to.resolve(from.relativize(folder).toString()));
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Path path = from.relativize(file);
                boolean secret = path.startsWith("secrets") && !path.startsWith("secrets/dev");
                if (!secret && !OF_THIS_HOST.contains(path.toString())) {
                    Files.copy(file, to.resolve(path.toString()), StandardCopyOption.COPY_ATTRIBUTES);
                }
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
