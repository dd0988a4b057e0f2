package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The scripts on the hosts, and in the hands, that there are; without an engine, in a folder whose name has a space. */
class ScriptsTest {

    @TempDir
    Path host;

    private final Map<String, String> environment = new HashMap<>();
    private Path project;

    @BeforeEach
    void aProject() throws IOException {
        project = Files.createDirectory(host.resolve("the project"));
        for (String part : List.of("scripts", "secrets", ".env.example", "docker-compose.yml", "docker-compose.prod.yml")) {
            run(Project.FOLDER.toRealPath(), "cp -R " + part + " \"$0\"/", project.toString()).assertSuccess();
        }
        run(project, "rm -f secrets/*.*").assertSuccess(); // This machine's own.
    }

    /** By sh, through links of other names, under a shell's settings that reach its children: each is the same script. */
    @ParameterizedTest
    @MethodSource("scripts")
    void aScriptIsTheSameHoweverItIsCalled(String name) throws IOException {
        Files.createDirectories(host.resolve("home/scripts"));
        Path link = Files.createSymbolicLink(host.resolve("home/link"), Path.of("../the project/scripts/" + name));
        Files.createSymbolicLink(host.resolve("home/daily"), Path.of("link"));
        String script = "scripts/" + name + " --help";

        String help = run(project, "bash " + script).assertSuccess().text();

        assertThat(help).contains("scripts/" + name);
        assertThat(run(project, "sh " + script).text()).isEqualTo(help);
        assertThat(run(link.getParent(), "sh ./daily --help").text()).isEqualTo(help);
        assertThat(run(link.getParent(), "bash daily --help").text()).isEqualTo(help);
        environment.put("CDPATH", host.resolve("home").toString());
        environment.put("SHELLOPTS", "noclobber:posix");
        assertThat(run(project, "bash " + script).text()).isEqualTo(help);
    }

    @Test
    void aScriptActsInItsOwnProject() throws IOException {
        Path home = Files.createDirectories(host.resolve("home/scripts")).getParent();
        Files.createSymbolicLink(home.resolve("make"), project.resolve("scripts/secrets.sh"));
        environment.put("CDPATH", home.toString());

        run(project, "bash scripts/secrets.sh").assertSuccess();
        Docker.Output again = run(home, "sh make").assertSuccess();

        assertThat(again.text()).contains("kept  secrets/db_app.txt").doesNotContain("made");
        assertThat(home.resolve("secrets")).doesNotExist();
    }

    static Stream<String> scripts() throws IOException {
        try (Stream<Path> files = Files.list(Project.FOLDER.resolve("scripts"))) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".sh") && !name.equals("lib.sh")).sorted().toList().stream();
        }
    }

    private Docker.Output run(Path folder, String command, String... arguments) {
        return Docker.run(folder, environment, Stream.concat(Stream.of("bash", "-c", command), Stream.of(arguments)).toArray(String[]::new));
    }
}
