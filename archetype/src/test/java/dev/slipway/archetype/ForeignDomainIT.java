package dev.slipway.archetype;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A user's own domain, {@code src/test/resources/orders}, in place of the sample, as docs/make-it-yours.md says; it has no jobs. */
class ForeignDomainIT {

    private static final Path ORDERS = Path.of("src/test/resources/orders").toAbsolutePath();
    private static final String BASE = "java/com/acme/orders/";

    /** The base, then production, as README.md says, with a backup that is restored for a test. */
    private static final String STACKS = """
            set -e
            export COMPOSE_PROJECT_NAME=foreign HTTP_PORT=28882 PROXY_NETWORK=foreign IMAGE=foreign
            export COMPOSE_FILE=docker-compose.yml
            docker compose up --build --detach --wait --quiet-pull
            bash scripts/test-docker-compose.sh --write
            docker compose down --volumes
            export COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml
            docker network create foreign
            cp .env.example .env
            bash scripts/secrets.sh
            bash scripts/deploy.sh first
            bash scripts/token.sh create tests --scope orders:read --scope orders:write --scope orders:delete --file tests_token.txt
            bash scripts/test-docker-compose.sh --write --token-file tests_token.txt
            bash scripts/backup.sh
            bash scripts/backup.sh --verify
            """;

    private static final String REMOVE = """
            export COMPOSE_PROJECT_NAME=foreign COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml PROXY_NETWORK=foreign
            docker compose --profile '*' down --volumes --remove-orphans
            docker network rm foreign
            docker image ls --format '{{.Repository}}:{{.Tag}}' | grep -E '^(localhost/)?foreign:' | xargs -r docker image rm --force
            true
            """;

    private Path project;

    @Test
    void itTakesTheSamplesPlaceAndTheProjectStaysGreen() throws Exception {
        Path folder = Maven.emptyFolder("foreign domain");
        Maven.generate(folder, "groupId=com.acme", "artifactId=orders", "mixnet=false").assertSuccess();
        project = folder.resolve("orders");
        Map<Path, String> before = outsideTheService();

        Page page = Page.of(project);
        page.run("Your own domain");
        copy("main/java", "app/src/main/" + BASE + "order");
        copy("test", "app/src/test/" + BASE + "order");
        copy("main/db", "app/src/main/resources/db/migration");
        replace("app/src/test/" + BASE + "TestApplication.java", "/api/analyses", "/api/orders");
        replace("app/src/test/" + BASE + "TestApplication.java", "\\{.*2, 4]}", "{\\\\\"customer\\\\\": \\\\\"Ada\\\\\", \\\\\"amount\\\\\": 12.5}");
        replace("app/src/main/resources/application.yaml", "analyses:", "orders:");
        replace("app/src/test/resources/config/application.yaml", "analyses:", "orders:");
        replace("README.md", "/api/analyses", "/api/orders");
        replace("scripts/test-docker-compose.sh", "(?m)^sample=.*", "sample='/api/orders {\"customer\": \"Ada\", \"amount\": 12.5}' result='\"NEW\"'");

        Map<Path, String> after = outsideTheService();
        List<Path> changed = before.keySet().stream().filter(file -> !before.get(file).equals(after.get(file))).toList();
        System.out.println("a foreign domain changed, outside app/src: " + changed);
        assertThat(changed).hasSize(2);
        after.remove(Path.of("docs/make-it-yours.md")); // It says what of the sample to look for.
        assertThat(after).allSatisfy((file, text) ->
                assertThat(text).as(file.toString()).doesNotContain("/api/analyses", "analysis_values", "AnalysisController", "analyses/"));

        page.run("The worker");
        FeaturesIT.assertHolds(project, false, true, false);
        assertThat(found("docs/runbook.md", "(?m)^## (\\w+)$"))
                .contains("DatabaseDown")
                .isEqualTo(found("monitoring/prometheus/rules.yml", "(?m)^ +- alert: (\\w+)"));
        assertThat(found("docs/settings.md", "(WORKER_|QUEUE_)")).isEmpty();
        FeaturesIT.model(project, "docker-compose.yml:docker-compose.prod.yml").ifPresent(model ->
                assertThat(model.output()).contains("\n  migrate:").doesNotContain("\n  worker:"));

        if (Run.of(project, "", List.of("docker", "version")).exitCode() != 0) {
            Run verify = Maven.run(project, "", List.of("-B", "-ntp", "verify")).assertSuccess();
            assertThat(verify.output()).contains("AccessTest", "ArrowsTest", "OrderApiTest")
                    .containsPattern("Tests run: \\d+, Failures: 0, Errors: 0, Skipped: 0\\n");
            System.out.println("SKIPPED: the stacks of a foreign domain, for no Docker Engine answers");
            return;
        }
        System.out.println("SKIPPED: the tests of a foreign domain, which the run without an engine has");
        Run.of(project, "", List.of("bash", "-c", REMOVE)); // What a run that was ended before this one left.
        try {
            Run stacks = Run.of(project, "", List.of("bash", "-c", STACKS)).assertSuccess();
            assertThat(stacks.output()).contains("Deployed first.").doesNotContain("fail  ", "skip  nothing is submitted");
            assertThat(stacks.output().split("ok    what was submitted has its result", -1)).as("in the base and in production").hasSize(3);
        } finally {
            Run.of(project, "", List.of("bash", "-c", REMOVE)).assertSuccess();
        }
    }

    private Map<Path, String> outsideTheService() throws IOException {
        Map<Path, String> files = new TreeMap<>();
        try (Stream<Path> found = Files.walk(project)) {
            for (Path file : found.filter(Files::isRegularFile).toList()) {
                Path path = project.relativize(file);
                if (!path.startsWith("app/src") && !path.startsWith("app/target") && !path.startsWith("target")) {
                    files.put(path, Files.readString(file, StandardCharsets.ISO_8859_1));
                }
            }
        }
        return files;
    }

    private Set<String> found(String path, String regex) throws IOException {
        return Pattern.compile(regex).matcher(Files.readString(project.resolve(path))).results()
                .map(found -> found.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private void copy(String from, String to) throws IOException {
        Files.createDirectories(project.resolve(to));
        try (Stream<Path> files = Files.list(ORDERS.resolve(from))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, project.resolve(to).resolve(file.getFileName()));
            }
        }
    }

    private void replace(String path, String regex, String replacement) throws IOException {
        Path file = project.resolve(path);
        String text = Files.readString(file);
        assertThat(Pattern.compile(regex).matcher(text).find()).as(path + " has " + regex).isTrue();
        Files.writeString(file, text.replaceAll(regex, replacement));
    }
}
