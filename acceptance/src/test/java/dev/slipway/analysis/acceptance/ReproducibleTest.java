package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Building two checkouts gives the same application: what differs in the images is folders' times, and the JVM's cache. */
@ExtendWith({Docker.class, Longer.class})
class ReproducibleTest {

    private static final String IMAGE = "acceptance-" + Long.toString(System.nanoTime(), 36);

    @TempDir
    Path checkout;

    @AfterAll
    static void remove() {
        Docker.run("docker", "image", "rm", "-f", IMAGE);
    }

    @Test
    void buildsOfTwoCheckoutsGiveTheSameFiles() throws IOException {
        Project.copy(checkout);
        try (Stream<Path> files = Files.walk(checkout)) {
            for (Path file : files.toList()) {
                Files.setLastModifiedTime(file, FileTime.from(Instant.parse("2001-02-03T04:05:06Z")));
            }
        }

        assertThat(filesOfABuild(Project.FOLDER)).contains("application/app.jar", "dependencies/lib/").isEqualTo(filesOfABuild(checkout));
    }

    private static String filesOfABuild(Path folder) {
        Docker.run(folder, Map.of(), "docker", "build", "-q", "-f", "app/Dockerfile", "--no-cache-filter", "build", "--target", "build",
                        "-t", IMAGE, ".")
                .assertSuccess();
        return Docker.run("docker", "run", "--rm", "--network", "none", IMAGE, "bash", "-c",
                        "cd /layers && find . -type f -printf '%T@ %m ' -exec sha256sum {} ';' | sort -k 4")
                .assertSuccess()
                .text();
    }
}
