package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** docs/timeouts.md: its values are those of the files that it names, and what waits outside waits longer. */
class TimeoutsTest {

    private static final Pattern ROW =
            Pattern.compile("\\| (?<who>[^|]+) \\| (?<what>[^|]+) \\| (?<time>[^|]+) \\| [^|]+ \\| \\[[^|]+]\\((?<file>[^|)]+)\\): `(?<setting>[^|`]+)` \\|");
    private static final Pattern NUMBER = Pattern.compile("(\\d+) ?(ms|min|s|m|h)?(?!.*\\d)");
    private static final Map<String, Long> UNITS = Map.of("ms", 1L, "s", 1_000L, "min", 60_000L, "m", 60_000L, "h", 3_600_000L);

    private record Wait(String section, String who, String what, Duration time, Path file, String setting) {}

    private static final List<Wait> WAITS = new ArrayList<>();

    @BeforeAll
    static void read() throws IOException {
        String section = "";
        for (String line : Files.readAllLines(Project.FOLDER.resolve("docs/timeouts.md"))) {
            if (line.startsWith("## ")) {
                section = line.substring(3);
            }
            if (line.startsWith("| ") && !line.startsWith("| who")) {
                Matcher row = ROW.matcher(line);
                assertThat(row.matches()).as("a row of docs/timeouts.md has who, what, how long, then, and [file](path): `setting`: " + line).isTrue();
                WAITS.add(new Wait(section, row.group("who"), row.group("what"), time(row.group("time")),
                        Project.FOLDER.resolve("docs").resolve(row.group("file")), row.group("setting")));
            }
        }
    }

    @Test
    void eachValueIsTheConfigurations() throws IOException {
        assertThat(WAITS).hasSizeGreaterThan(30);
        for (Wait wait : WAITS) {
            assertThat(Files.readString(wait.file())).as("docs/timeouts.md, " + wait.who() + ", " + wait.what()).contains(wait.setting());
            MatchResult number = NUMBER.matcher(wait.setting()).results().findFirst().orElseThrow();
            if (number.group(2) != null) {
                assertThat(time(wait.setting())).as(wait.setting()).isEqualTo(wait.time());
            } else {
                assertThat(Long.parseLong(number.group(1))).as(wait.setting()).isIn(wait.time().toSeconds(), wait.time().toMillis());
            }
        }
    }

    @Test
    void whatWaitsOutsideWaitsLonger() {
        List<Wait> ordered = WAITS.stream().filter(wait -> wait.section().endsWith("outermost first")).toList();
        assertThat(ordered.stream().map(Wait::section).distinct()).hasSizeGreaterThanOrEqualTo(4);
        for (int i = 1; i < ordered.size(); i++) {
            Wait outer = ordered.get(i - 1);
            Wait inner = ordered.get(i);
            if (outer.section().equals(inner.section())) {
                assertThat(outer.time()).as(outer + " is to be longer than " + inner).isGreaterThan(inner.time());
            }
        }
    }

    @Test
    void whatComesOneAfterTheOtherFitsIntoWhatIsAroundIt() {
        assertThat(of("connection-timeout").plus(of("socketTimeout"))).isLessThan(of("proxy_read_timeout 30s"));
        assertThat(of("proxy_connect_timeout 2s").multipliedBy(4).plus(of("proxy_read_timeout 30s"))).isLessThan(of("proxy_read_timeout 40s"));
        assertThat(of("WEB_DRAIN_DELAY").plus(of("timeout-per-shutdown-phase"))).isLessThan(of("stop_grace_period: 45s"));
    }

    @Test
    void aHealthCheckEndsBeforeTheNextBegins() throws IOException {
        for (Path file : Project.composeFiles()) {
            Pattern.compile("interval: (\\S+)\\n *timeout: (\\S+)").matcher(Files.readString(file)).results().forEach(check ->
                    assertThat(time(check.group(2))).as(file + ": " + check.group()).isLessThan(time(check.group(1))));
        }
    }

    private static Duration of(String setting) {
        return WAITS.stream().filter(wait -> wait.setting().startsWith(setting)).findFirst().orElseThrow().time();
    }

    private static Duration time(String text) {
        MatchResult number = NUMBER.matcher(text).results().findFirst().orElseThrow();
        return Duration.ofMillis(Long.parseLong(number.group(1)) * UNITS.get(number.group(2)));
    }
}
