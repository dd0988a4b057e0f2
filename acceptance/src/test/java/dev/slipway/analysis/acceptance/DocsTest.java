package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What the pages of docs/ say is true. */
class DocsTest {

    private static final Path DOCS = Project.FOLDER.resolve("docs");

    @TempDir
    Path project;

    /** In the order of the pages: from an empty host, each command does what it is there for. */
    @Test
    @ExtendWith(Docker.class)
    void everyCommandInABlockMarkedShSucceeds() throws IOException {
        Map<String, List<String>> blocks = new TreeMap<>(Comparator.comparing((String page) -> !page.equals("production.md"))
                .thenComparing(Comparator.naturalOrder()));
        for (Path page : pages()) {
            Matcher block = Pattern.compile("(?ms)^```sh\\n(.*?)^```$").matcher(Files.readString(page));
            while (block.find()) {
                blocks.computeIfAbsent(page.getFileName().toString(), name -> new ArrayList<>()).add(block.group(1));
            }
        }
        try (Stack stack = Stack.production(project)) {
            Files.delete(project.resolve(".env")); // The page makes it.
            blocks.forEach((page, commands) -> commands.forEach(command -> {
                System.out.println(page + ": " + command.strip().replace("\n", "; "));
                assertThat(stack.run("unset COMPOSE_FILE; " // The page writes it to .env.
                                + command.replace("nginx_proxy", stack.name())
                                // Its status 1 is a warning: that the reference's database has reached the end of its life.
                                .replace("scripts/doctor.sh\n", "scripts/doctor.sh || [ $? -eq 1 ]\n")))
                        .as(page + ": " + command)
                        .satisfies(Docker.Output::assertSuccess);
            }));
        }
    }

    @Test
    void everyLinkLeadsToAFileAndToAHeadingInIt() throws IOException {
        List<Path> pages = new ArrayList<>(pages());
        pages.add(Project.FOLDER.resolve("README.md"));
        for (Path page : pages) {
            Matcher link = Pattern.compile("\\]\\((?!https?:)([^)#]*)(?:#([^)]+))?\\)").matcher(Files.readString(page));
            while (link.find()) {
                Path target = link.group(1).isEmpty() ? page : page.resolveSibling(link.group(1));
                assertThat(target).as(page + " links to it").exists();
                if (link.group(2) != null) {
                    assertThat(headings(target)).as("the headings of " + target + ", to one of which " + page + " links").contains(link.group(2));
                }
            }
        }
    }

    /** Each as the end of a link, as forges make it. */
    private static List<String> headings(Path page) throws IOException {
        return Pattern.compile("(?m)^#+ (.+)$").matcher(Files.readString(page)).results()
                .map(heading -> heading.group(1).toLowerCase(Locale.ROOT).replaceAll("[^\\w\\- ]", "").replace(' ', '-'))
                .toList();
    }

    /** A generated project's scripts are not executable where the archetype's last step cannot run. */
    @Test
    void everyCommandCallsAScriptByBash() throws IOException {
        List<Path> pages = new ArrayList<>(pages());
        pages.add(Project.FOLDER.resolve("README.md"));
        for (Path page : pages) {
            assertThat(Files.readAllLines(page)).as(page.toString()).noneMatch(line -> line.matches("\\s*(\\./)?scripts/[a-z-]+\\.sh.*"));
        }
    }

    private static List<Path> pages() throws IOException {
        try (Stream<Path> files = Files.list(DOCS)) {
            return files.filter(file -> file.toString().endsWith(".md")).sorted().toList();
        }
    }
}
