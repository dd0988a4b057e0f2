package dev.slipway.archetype;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class AwkwardNamesIT {

    @Test
    void aProjectWithAwkwardNamesPassesItsOwnTestsAndNamesNothingOfTheReferences() throws Exception {
        Path folder = Maven.emptyFolder("awkward names");
        Maven.generate(
                        folder,
                        "groupId=io.acme",
                        "artifactId=b2b-orders-9",
                        "version=1.0",
                        "package=io.acme.x9.orders",
                        "httpPort=8881")
                .assertSuccess();
        Path project = folder.resolve("b2b-orders-9");

        try (Stream<Path> files = Files.walk(project).filter(Files::isRegularFile)) {
            for (Path file : files.toList()) {
                assertThat(project.relativize(file) + "\n" + Files.readString(file, StandardCharsets.ISO_8859_1))
                        .doesNotContainIgnoringCase("slipway")
                        .doesNotContain("analysis-app", "analysis-net", "<artifactId>analysis<", "reference-only", ":881");
            }
        }
        assertThat(Files.readString(project.resolve(".env.example")))
                .contains("HTTP_PORT=8881\n", "DB_IMAGE=mariadb:11.8\n");

        Maven.Run verify = Maven.run(project, "", List.of("-B", "-ntp", "verify")).assertSuccess();

        verify.output().lines().filter(line -> line.contains("Tests run:") && !line.contains("Time")).forEach(System.out::println);
        assertThat(verify.output()).containsPattern("Tests run: \\d{2,}, Failures: 0, Errors: 0");
        assertThat(project.resolve("app/target/b2b-orders-9-app-1.0.jar")).exists();
    }
}
