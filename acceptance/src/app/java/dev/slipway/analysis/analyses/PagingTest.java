package dev.slipway.analysis.analyses;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.test.web.servlet.client.EntityExchangeResult;
import org.springframework.test.web.servlet.client.RestTestClient;

@ServiceTest
@Import(AnalysesApi.class)
@SuppressWarnings("rawtypes")
class PagingTest {

    /** 20, the one that tells whether there is a next page, and what else is looked at meanwhile. */
    private static final long READ = 21 + 3;

    @Autowired
    AnalysesApi api;

    @Autowired
    TestDatabase database;

    @AfterEach
    void cleanUp() {
        database.clear("analysis");
    }

    @ParameterizedTest
    @ValueSource(strings = {"createdAt,desc", "createdAt,asc", "name,desc", "name,asc"})
    void pagesFollowEachOtherWithoutGapOrRepetition(String sort) {
        insert(45, "created_at = '2026-01-01', name = IF(i MOD 2, 'equal', 'EQUAL')"); // So that the id alone orders them.

        List<String> byCursor = new ArrayList<>();
        String path = "/api/analyses?size=10&sort=" + sort;
        while (path != null) {
            EntityExchangeResult<Map> page = page(path);
            byCursor.addAll(ids(page));
            String link = page.getResponseHeaders().getFirst("Link");
            Object next = page.getResponseBody().get("next");
            assertThat(link).isEqualTo(next == null ? null : "</api/analyses?size=10&sort=" + sort + "&cursor=" + next + ">; rel=\"next\"");
            path = link == null ? null : link.substring(1, link.indexOf('>'));
        }
        List<String> byNumber = IntStream.range(0, 5).boxed()
                .flatMap(number -> ids(page("/api/analyses?size=10&sort=" + sort + "&page=" + number)).stream())
                .toList();

        assertThat(byCursor).hasSize(45).doesNotHaveDuplicates().isEqualTo(byNumber);
    }

    @Test
    void whatIsAddedOrDeletedMeanwhileMovesNoPage() {
        insert(30, "status = 'QUEUED'");
        Object next = page("/api/analyses?size=10").getResponseBody().get("next");
        List<String> before = ids(page("/api/analyses?size=10&cursor=" + next));

        api.submit("newer", 1);
        database.sql("DELETE FROM analysis WHERE id = UNHEX(LPAD(HEX(21), 32, '0'))").update(); // The first page's last.

        assertThat(ids(page("/api/analyses?size=10&cursor=" + next))).isEqualTo(before).hasSize(10);
    }

    @Test
    void aCursorOfAnotherListIsRefused() {
        insert(30, "status = IF(i MOD 2, 'QUEUED', 'DONE')");
        String next = (String) page("/api/analyses?size=2").getResponseBody().get("next");

        for (String query : List.of(
                "sort=createdAt&cursor=" + next,
                "status=DONE&cursor=" + next,
                "cursor=" + next.substring(1),
                "cursor=" + next.substring(0, 12) + (next.charAt(12) == 'A' ? 'B' : 'A') + next.substring(13),
                "cursor=AAAA",
                "cursor=%C3%A4")) {
            api.get("/api/analyses?" + query).expectStatus().isBadRequest().expectBody().jsonPath("$.detail").isEqualTo("The cursor is damaged, or of another"
                    + " sort, filter or version: take next of a page that was asked for in this way, or begin at the first.");
        }
        api.other().get().uri("/api/analyses?cursor=" + next).exchange().expectStatus().isBadRequest();
    }

    @Test
    void beyondFiveThousandRowsACursorLeadsOn() {
        insert(5_050, "status = 'QUEUED'");

        Map<?, ?> last = page("/api/analyses?size=20&page=250").getResponseBody();

        assertThat(last.get("hasNext")).isEqualTo(true);
        assertThat(ids(page("/api/analyses?size=20&cursor=" + last.get("next")))).hasSize(20);
        for (String query : List.of("size=20&page=251", "page=1&cursor=" + last.get("next"))) {
            api.get("/api/analyses?" + query).expectStatus().isBadRequest().expectBody().jsonPath("$.detail").isEqualTo(
                    "page skips up to 5000 analyses: beyond them, leave it out and give the next of the page before as cursor.");
        }
    }

    @Test
    void newestComeFirst() {
        api.submit("older", 1);
        api.submit("newer", 1);

        api.get("/api/analyses").expectBody().jsonPath("$.items[0].name").isEqualTo("newer");
        api.get("/api/analyses?status=&page=&cursor=&size=&sort=").expectBody().jsonPath("$.items[0].name").isEqualTo("newer");
        api.get("/api/analyses?sort=name").expectBody().jsonPath("$.items[0].name").isEqualTo("newer");
        api.get("/api/analyses?sort=createdAt").expectBody().jsonPath("$.items[0].name").isEqualTo("older");
        api.get("/api/analyses?status=DONE").expectBody().jsonPath("$.items").isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "'?sort=createdAt,desc'",
        "'?sort=createdAt,asc'",
        "'?sort=name,asc'",
        "'?sort=name,desc'",
        "'?status=QUEUED&sort=createdAt,desc'",
        "'?status=QUEUED&sort=createdAt,asc'",
        "'?status=QUEUED&sort=name,asc'",
        "'?status=QUEUED&sort=name,desc'"
    })
    void aPageReadsNoMoreRowsThanItShowsWhetherOfAllOrOfOnesOwn(String query) {
        insert(10_000, "status = IF(i MOD 2, 'QUEUED', 'DONE')");
        database.sql("ANALYZE TABLE analysis").query().listOfRows();
        for (RestTestClient subject : List.of(api.client(), api.other())) {
            Function<String, Map<?, ?>> page = path -> subject.get().uri("/api/analyses" + path).exchange().expectBody(Map.class).returnResult().getResponseBody();
            page.apply(query); // The token is looked up.
            String next = (String) page.apply(query + "&page=40").get("next");

            assertThat(database.rowsReadIn(() -> page.apply(query))).isLessThanOrEqualTo(READ);
            assertThat(database.rowsReadIn(() -> page.apply(query + "&cursor=" + next))).isLessThanOrEqualTo(READ);
            assertThat(database.rowsReadIn(() -> page.apply(query + "&page=40"))).isLessThanOrEqualTo(800 + READ);
        }
    }

    private EntityExchangeResult<Map> page(String path) {
        return api.get(path).expectStatus().isOk().expectBody(Map.class).returnResult();
    }

    private static List<String> ids(EntityExchangeResult<Map> page) {
        return ((List<?>) page.getResponseBody().get("items")).stream().map(item -> (String) ((Map<?, ?>) item).get("id")).toList();
    }

    /** Inserts rows with equal names but for a number, and assignments of the caller's, in which {@code i} counts. */
    private void insert(int rows, String assignments) {
        Map<String, String> columns = new LinkedHashMap<>(Map.of(
                "id", "UNHEX(LPAD(HEX(i), 32, '0'))",
                "owner", "IF(i MOD 4 < 2, 'development', 'other')",
                "name", "CONCAT('analysis ', i)",
                "status", "'QUEUED'",
                "created_at", "'2026-01-01' + INTERVAL i SECOND"));
        for (String assignment : assignments.split(", (?=\\w+ = )")) {
            columns.put(assignment.substring(0, assignment.indexOf(' ')), assignment.substring(assignment.indexOf('=') + 1));
        }
        database.sql("SET STATEMENT max_recursive_iterations = 1000000 FOR INSERT INTO analysis (" + String.join(", ", columns.keySet()) + ") "
                        + "WITH RECURSIVE numbers AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM numbers WHERE i < " + rows
                        + ") SELECT " + String.join(", ", columns.values()) + " FROM numbers")
                .update();
    }
}
