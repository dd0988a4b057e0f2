package dev.slipway.analysis.analyses;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.test.web.servlet.client.RestTestClient;

@ServiceTest
@Import(AnalysesApi.class)
class PagingTest {

    @Autowired
    AnalysesApi api;

    @Autowired
    TestDatabase database;

    @AfterEach
    void cleanUp() {
        database.clear("analysis");
    }

    @Test
    void pagesFollowEachOtherWithoutGapOrRepetition() {
        insert(45, "created_at = '2026-01-01'"); // All equal, so that the id alone orders them.

        List<String> ids = new ArrayList<>();
        Map<?, ?> page;
        do {
            page = api.get("/api/analyses?size=10&page={page}", ids.size() / 10)
                    .expectBody(Map.class)
                    .returnResult()
                    .getResponseBody();
            ((List<?>) page.get("items")).forEach(item -> ids.add((String) ((Map<?, ?>) item).get("id")));
        } while ((boolean) page.get("hasNext"));

        assertThat(ids).hasSize(45).doesNotHaveDuplicates();
    }

    @Test
    void theLastPageThatMayBeAskedForIsTheLast() {
        insert(1_002, "status = 'QUEUED'");

        api.get("/api/analyses?size=1&page=999").expectBody().jsonPath("$.hasNext").isEqualTo(true);
        api.get("/api/analyses?size=1&page=1000").expectBody().jsonPath("$.hasNext").isEqualTo(false);
    }

    @Test
    void newestComeFirst() {
        api.submit("older", 1);
        api.submit("newer", 1);

        api.get("/api/analyses").expectBody().jsonPath("$.items[0].name").isEqualTo("newer");
        api.get("/api/analyses?status=&page=&size=&sort=").expectBody().jsonPath("$.items[0].name").isEqualTo("newer");
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
    void aPageReadsNoMoreRowsThanItShowsWhetherOfAllOrOfOnesOwn(String query) throws Exception {
        insert(10_000, "status = IF(i MOD 2, 'QUEUED', 'DONE')");
        database.sql("ANALYZE TABLE analysis").query().listOfRows();
        for (RestTestClient subject : List.of(api.client(), api.other())) {
            String sql = database.statementsOf(() -> subject.get().uri("/api/analyses" + query).exchange().expectStatus().isOk()).stream()
                    .filter(statement -> statement.contains("from analysis"))
                    .findFirst()
                    .orElseThrow()
                    .replace("owner=?", "owner='other'")
                    .replace("status=?", "status='QUEUED'")
                    .replace("limit ?", "limit 21"); // 20 and the one that tells whether there is a next page.

            String explained = database.sql("ANALYZE FORMAT=JSON " + sql).query(String.class).single();

            assertThat(explained).as(sql).doesNotContain("filesort").doesNotContain("\"access_type\": \"ALL\"");
            assertThat(explained).as(sql).containsPattern("\"r_rows\": 21\\b");
        }
    }

    /** Inserts rows with equal names but for a number, and one assignment of the caller's, in which {@code i} counts. */
    private void insert(int rows, String assignment) {
        String column = assignment.substring(0, assignment.indexOf(' '));
        String value = assignment.substring(assignment.indexOf('=') + 1);
        Map<String, String> columns = new LinkedHashMap<>(Map.of(
                "id", "UNHEX(LPAD(HEX(i), 32, '0'))",
                "owner", "IF(i MOD 4 < 2, 'development', 'other')",
                "name", "CONCAT('analysis ', i)",
                "status", "'QUEUED'",
                "created_at", "'2026-01-01' + INTERVAL i SECOND"));
        columns.put(column, value);
        database.sql("SET STATEMENT max_recursive_iterations = 1000000 FOR INSERT INTO analysis (" + String.join(", ", columns.keySet()) + ") "
                        + "WITH RECURSIVE numbers AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM numbers WHERE i < " + rows
                        + ") SELECT " + String.join(", ", columns.values()) + " FROM numbers")
                .update();
    }
}
