package dev.slipway.archetype;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** A generated project's docs/make-it-yours.md, of which a test does what it says. */
record Page(Path project, String text) {

    static Page of(Path project) throws IOException {
        return new Page(project, Files.readString(project.resolve("docs/make-it-yours.md")));
    }

    /** The blocks under a heading, up to the next one. */
    List<String> blocks(String language, String heading) {
        String section = text.split("(?m)^#+ " + heading + "\\n", 2)[1].split("(?m)^##", 2)[0];
        List<String> blocks = Pattern.compile("(?ms)^```" + language + "\\n(.*?)^```$").matcher(section).results()
                .map(block -> block.group(1))
                .toList();
        assertThat(blocks).as("blocks of " + heading).isNotEmpty();
        return blocks;
    }

    String block(String language, String heading) {
        return blocks(language, heading).get(0);
    }

    /** Runs the commands under a heading, in one shell. */
    void run(String heading) throws IOException, InterruptedException {
        Run.of(project, "", List.of("bash", "-euo", "pipefail", "-c", String.join("", blocks("bash", heading)))).assertSuccess();
    }
}
