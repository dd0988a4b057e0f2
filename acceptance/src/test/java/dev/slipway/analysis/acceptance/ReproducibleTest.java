package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Building twice gives the same application: what differs in the images is folders' times, and the JVM's cache. */
@ExtendWith(Docker.class)
class ReproducibleTest {

    private static final String IMAGE = "acceptance-" + Long.toString(System.nanoTime(), 36);

    @AfterAll
    static void remove() {
        Docker.run("docker", "image", "rm", "-f", IMAGE);
    }

    @Test
    void twoBuildsGiveTheSameFiles() {
        assertThat(filesOfABuild()).contains("application/app.jar", "dependencies/lib/").isEqualTo(filesOfABuild());
    }

    private static String filesOfABuild() {
        Docker.run("docker", "build", "-q", "-f", "app/Dockerfile", "--no-cache-filter", "build", "--target", "build", "-t", IMAGE, ".")
                .assertSuccess();
        return Docker.run("docker", "run", "--rm", "--network", "none", IMAGE, "bash", "-c",
                        "cd /layers && find . -type f -printf '%T@ %m ' -exec sha256sum {} ';' | sort -k 4")
                .assertSuccess()
                .text();
    }
}
