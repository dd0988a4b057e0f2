package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A budget: what the app's image adds to its base, by layer. */
@ExtendWith(Docker.class)
class ImageSizeTest {

    private static final Pattern COPY = Pattern.compile("(?m)^(\\d+) COPY (\\S+) .*$");

    /** MB, a twentieth more than it was in November 2026; the cache's size follows how many classes and methods the training saw. */
    private static final Map<String, Integer> BUDGET = Map.of(
            "/jre", 87,
            "/layers/dependencies/", 76,
            "/layers/snapshot-dependencies/", 0,
            "/layers/application/", 1,
            "app/jvm.options", 1,
            "/app/app.aot", 175);

    @Test
    void theImageDoesNotGrow() {
        String image = Docker.run("docker", "build", "-q", "-f", "app/Dockerfile", "--target", "production", ".").assertSuccess().text().strip();

        Map<String, Long> sizes = new TreeMap<>();
        for (MatchResult layer : COPY.matcher(Docker.run("docker", "history", "--human=false", "--no-trunc", "--format", "{{.Size}} {{.CreatedBy}}", image)
                .assertSuccess().text()).results().toList()) {
            sizes.put(layer.group(2), Long.parseLong(layer.group(1)));
        }

        assertThat(sizes).containsOnlyKeys(BUDGET.keySet());
        sizes.forEach((layer, size) -> assertThat((size + 999_999) / 1_000_000)
                .as("MB of %s, which each deploy pulls when it changes: see with mvn -pl app dependency:tree what came in; leave it out, "
                        + "or raise the budget here and say in the commit what it is worth", layer)
                .isLessThanOrEqualTo(BUDGET.get(layer)));
    }
}
