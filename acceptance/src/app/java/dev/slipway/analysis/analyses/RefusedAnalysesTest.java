package dev.slipway.analysis.analyses;

import dev.slipway.analysis.ServiceTest;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;

/** What {@code /api/analyses} refuses, and by which sentence. */
@ServiceTest
@Import(AnalysesApi.class)
class RefusedAnalysesTest {

    @Autowired
    AnalysesApi api;

    @Test
    void aNumberBeyondDoubleIsRefused() {
        api.post("{\"name\": \"a\", \"values\": [1e999]}")
                .expectStatus().isBadRequest().expectBody().jsonPath("$.detail").isEqualTo("values must hold finite numbers alone.");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "page=-1     | page must be greater than or equal to 0.",
        "page=1001   | page must be less than or equal to 1000.",
        "size=0      | size must be greater than or equal to 1.",
        "size=101    | size must be less than or equal to 100.",
        "sort=failure| sort must be createdAt or name, then ,asc or ,desc.",
        "sort=name,up| sort must be createdAt or name, then ,asc or ,desc.",
        "status=LOST | status must be one of [QUEUED, RUNNING, DONE, FAILED]."
    })
    void aBadPageIsRefused(String query, String detail) {
        api.get("/api/analyses?" + query).expectStatus().isBadRequest().expectBody().jsonPath("$.detail").isEqualTo(detail);
    }

    @Test
    void whatIsTooLongIsRefused() {
        double[] values = {1};
        api.post(Map.of("name", "a".repeat(201), "values", values)).expectStatus().isBadRequest();
        api.post(Map.of("name", "a", "values", new double[100_001])).expectStatus().isBadRequest();
        api.post(Map.of("name", "a", "values", values), "Idempotency-Key", "k".repeat(256)).expectStatus().isBadRequest();
        api.post(Map.of("name", "a", "values", values), "Idempotency-Key", "two words").expectStatus().isBadRequest();
    }
}
