package dev.slipway.analysis.analyses;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;

/** The table grows; what a call reads of it does not. */
@ServiceTest
@Import(AnalysesApi.class)
class GrownAnalysesTest {

    @Autowired
    AnalysesApi api;

    @Autowired
    AnalysisQueries queries;

    @Autowired
    TestDatabase database;

    @AfterEach
    void cleanUp() {
        database.sql("SET STATEMENT foreign_key_checks = 0 FOR TRUNCATE analysis_values").update();
        database.sql("SET STATEMENT foreign_key_checks = 0 FOR TRUNCATE analysis").update();
    }

    @Test
    void eachCallReadsTheSameRowsHoweverManyThereAre() {
        Map<String, Long> small = rowsRead(20_000);

        assertThat(small.remove("count") + small.remove("count by status")).isLessThan(50_000);
        assertThat(small.values()).allMatch(rows -> rows < 50);
        assertThat(small.get("a page")).isGreaterThanOrEqualTo(20);
        Map<String, Long> large = rowsRead(300_000);
        assertThat(large.remove("count") + large.remove("count by status")).isLessThan(50_000);
        assertThat(large).isEqualTo(small);
        assertThat((double) queries.of("development").rows()).isCloseTo(300_000, within(160_000.0)); // An estimate.
    }

    private Map<String, Long> rowsRead(int number) {
        database.sql("INSERT INTO analysis (id, owner, name, status, created_at, finished_at, due_at)"
                        + " SELECT UNHEX(LPAD(HEX(seq), 32, '0')), 'development', CONCAT('analysis ', seq), 'FAILED',"
                        + " '2026-01-01' + INTERVAL seq SECOND, '2026-01-01', NULL FROM seq_1_to_300000"
                        + " WHERE seq > (SELECT COUNT(*) FROM analysis) AND seq <= " + number)
                .update();
        database.sql("ANALYZE TABLE analysis").query().listOfRows();
        UUID id = new UUID(0, 5_000);
        String page = "/api/analyses?size=20";
        Object next = api.get(page + "&page=40").expectBody(Map.class).returnResult().getResponseBody().get("next");

        Map<String, Long> rows = new LinkedHashMap<>();
        rows.put("one", database.rowsReadIn(() -> api.get("/api/analyses/{id}", id).expectStatus().isOk()));
        rows.put("a page", database.rowsReadIn(() -> api.get(page).expectStatus().isOk()));
        rows.put("a page by a cursor", database.rowsReadIn(() -> api.get(page + "&cursor=" + next).expectStatus().isOk()));
        api.submit("warm", 1); // What its owner keeps is counted before.
        rows.put("a submission", database.rowsReadIn(() -> api.submit("measured", 1)));
        rows.put("count", database.rowsReadIn(() -> queries.of("development")));
        rows.put("count by status", database.rowsReadIn(() -> queries.countByStatus()));
        return rows;
    }
}
