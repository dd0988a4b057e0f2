package dev.slipway.analysis.analyses;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import dev.slipway.analysis.page.PageTest.Browser;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Import;

@ServiceTest
@Import(AnalysesApi.class)
class AnalysesPageTest {

    @Autowired
    AnalysesApi api;

    @Autowired
    TestDatabase database;

    Browser browser;

    @BeforeEach
    void signIn(@Autowired Api api, @Value("${access.tokens.development.token}") String token) throws Exception {
        browser = new Browser(api).signIn(token);
        browser.get("/page/analyses");
    }

    @AfterEach
    void cleanUp() {
        database.clear("analysis");
    }

    @Test
    void whatIsSubmittedIsInTheListOnceHoweverOftenTheFormIsSent() throws Exception {
        String key = UUID.randomUUID().toString();
        for (int time = 0; time < 2; time++) {
            assertThat(submit("<b>Grüße</b>", "\uFEFF1.5, 2;-3e2\t4\n", key).statusCode()).isEqualTo(303);
        }

        String list = browser.get("/page/analyses").body();

        assertThat(names(list)).containsExactly("&lt;b&gt;Grüße&lt;/b&gt;");
        assertThat(list).contains("Queued", "hx-trigger=\"every 2s\"");
        byte[] stored = database.sql("SELECT doubles FROM analysis_values").query(byte[].class).single();
        assertThat(AnalysisValues.fromBytes(stored)).containsExactly(1.5, 2, -300, 4);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "height,1.5     | The first line has \"height\", which is no number: leave a header out.",
        "1.5,,2,x       | Line 1 has \"x\", which is no number",
        "1,5;2,5        | write 1.5 and not 1,5",
        "1e999          | which is no number",
        "' ; '          | There are no numbers"
    })
    void whatIsNoListOfNumbersIsRefusedAndStaysInTheForm(String values, String detail) throws Exception {
        var answer = submit("kept", values, UUID.randomUUID().toString());

        assertThat(answer.statusCode()).isEqualTo(400);
        assertThat(answer.body().replace("&quot;", "\"")).contains(detail, "value=\"kept\"", ">" + values + "</textarea>");
    }

    @Test
    void tooManyNumbersAreRefused() throws Exception {
        assertThat(submit("many", "1\n".repeat(100_001), UUID.randomUUID().toString()).body()).contains("more than 100000 numbers");
    }

    @Test
    void aLongColumnWithDecimalCommasIsRefused() throws Exception {
        assertThat(submit("many", "1,5\n".repeat(100_000), UUID.randomUUID().toString()).body()).contains("write 1.5 and not 1,5");
    }

    @Test
    void aPageLeadsToTheOlderOnesWithoutAGapOrATwin() throws Exception {
        List<String> submitted = new ArrayList<>();
        for (int i = 0; i < 45; i++) {
            api.submit("n" + i, 1);
            submitted.add(0, "n" + i);
        }
        database.sql("UPDATE analysis SET created_at = (SELECT MIN(created_at) FROM analysis)").update(); // So that the id alone orders them.

        List<String> seen = new ArrayList<>();
        String page = browser.get("/page/analyses").body();
        for (int pages = 1; page.contains(">Older<") && pages < 4; pages++) {
            seen.addAll(names(page));
            page = browser.get(page.replaceFirst("(?s).*id=\"older\" href=\"([^\"]+)\".*", "$1")).body();
        }
        seen.addAll(names(page));

        assertThat(seen).isEqualTo(submitted);
        assertThat(browser.get("/page/analyses?before=none").statusCode()).isEqualTo(400);
    }

    @Test
    void aResultIsDrawnAndSaidInWords() throws Exception {
        UUID id = api.submit("done", 1, 2);
        database.sql("UPDATE analysis SET status = 'DONE', finished_at = created_at, count = 2, mean = 1.5, standard_deviation = 0.7,"
                + " min = 1, max = 2, p50 = 1.5, p95 = 1.95, p99 = 1.99").update();

        assertThat(browser.get("/page/analyses/" + id).body())
                .contains("<h1>done</h1>", "Minimum 1.0, Median 1.5, 95 % 1.95, 99 % 1.99, Maximum 2.0", "<circle")
                .doesNotContain("every 2s", "style=");
    }

    @Test
    void aDeletedOneIsGone() throws Exception {
        UUID id = api.submit("short-lived", 1);

        assertThat(browser.delete("/page/analyses/" + id).statusCode()).isEqualTo(204);

        assertThat(browser.delete("/page/analyses/" + id).statusCode()).isEqualTo(404);
        assertThat(browser.get("/page/analyses/" + id).body()).contains("There is no analysis " + id);
    }

    private HttpResponse<String> submit(String name, String values, String key) throws Exception {
        return browser.post("/page/analyses", Map.of("name", name, "values", values, "key", key));
    }

    private static List<String> names(String page) {
        return Pattern.compile("id=\"open-[^>]*>([^<]*)<").matcher(page).results().map(found -> found.group(1)).toList();
    }
}
