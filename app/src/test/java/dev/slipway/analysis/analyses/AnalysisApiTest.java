package dev.slipway.analysis.analyses;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;

@ServiceTest
@Import(AnalysesApi.class)
class AnalysisApiTest {

    @Autowired
    AnalysesApi api;

    @Autowired
    TestDatabase database;

    @AfterEach
    void cleanUp() {
        database.clear("analysis");
    }

    @Test
    void aSubmissionIsQueuedAndSaysWhereItIs() {
        var response = api.post(Map.of("name", "Grüße 🚀", "values", new double[] {1.5, 2}));

        response.expectStatus().isAccepted();
        UUID id = AnalysesApi.id(response);
        response.expectHeader().valueEquals("Location", "/api/analyses/" + id);
        api.get("/api/analyses/{id}", id)
                .expectStatus().isOk()
                .expectBody()
                .jsonPath("$.name").isEqualTo("Grüße 🚀")
                .jsonPath("$.status").isEqualTo("QUEUED")
                .jsonPath("$.createdAt").exists()
                .jsonPath("$.result").doesNotExist();
    }

    @Test
    void aFinishedAnalysisHasItsResult() {
        UUID id = api.submit("finished", 1, 2);
        database.sql("UPDATE analysis SET status = 'DONE', finished_at = '2026-01-02 03:04:05.678', count = 2, mean = 1.5,"
                        + " standard_deviation = 0.7, min = 1, max = 2, p50 = 1.5, p95 = 1.95, p99 = 1.99")
                .update();

        api.get("/api/analyses/{id}", id)
                .expectBody()
                .jsonPath("$.status").isEqualTo("DONE")
                .jsonPath("$.finishedAt").isEqualTo("2026-01-02T03:04:05.678Z")
                .jsonPath("$.result.count").isEqualTo(2)
                .jsonPath("$.result.standardDeviation").isEqualTo(0.7)
                .jsonPath("$.result.p99").isEqualTo(1.99);
    }

    @Test
    void aFinishedAnalysisIsNotSentTwiceToWhoeverHasIt() {
        UUID id = api.submit("finished", 1, 2);
        api.get("/api/analyses/{id}", id).expectHeader().doesNotExist("ETag").expectHeader().valueEquals("Cache-Control", "no-store");
        database.sql("UPDATE analysis SET status = 'FAILED', finished_at = '2026-01-02 03:04:05.678', failure = 'in vain'").update();
        var finished = api.get("/api/analyses/{id}", id).expectHeader().valueEquals("Cache-Control", "no-cache, private");
        String tag = finished.returnResult(Void.class).getResponseHeaders().getETag();

        api.client().get().uri("/api/analyses/{id}", id).header("If-None-Match", tag).exchange()
                .expectStatus().isNotModified().expectHeader().valueEquals("ETag", tag).expectBody().isEmpty();
        api.client().get().uri("/api/analyses/{id}", id).header("If-None-Match", "\"another\"").exchange().expectStatus().isOk();
        api.other().get().uri("/api/analyses/{id}", id).header("If-None-Match", tag).exchange().expectStatus().isNotFound();
        database.clear("analysis");
        api.client().get().uri("/api/analyses/{id}", id).header("If-None-Match", tag).exchange().expectStatus().isNotFound();
    }

    @Test
    void aDeletedAnalysisIsGoneWithItsValues() {
        UUID id = api.submit("short-lived", 1);

        api.client().delete().uri("/api/analyses/{id}", id).exchange().expectStatus().isNoContent();

        api.get("/api/analyses/{id}", id).expectStatus().isNotFound();
        api.client().delete().uri("/api/analyses/{id}", id).exchange().expectStatus().isNotFound();
        assertThat(database.sql("SELECT COUNT(*) FROM analysis_values").query(int.class).single()).isZero();
    }

    @Test
    void aHundredThousandValuesAreStoredExactly() {
        double[] values = new Random(1).doubles(100_000, -1e300, 1e300).toArray();

        api.submit("large", values);

        byte[] stored = database.sql("SELECT doubles FROM analysis_values").query(byte[].class).single();
        assertThat(AnalysisValues.fromBytes(stored)).isEqualTo(values);
    }

    @Test
    void anUnknownOneIsA404() {
        api.get("/api/analyses/01890000-0000-7000-8000-000000000000")
                .expectStatus().isNotFound()
                .expectBody()
                .jsonPath("$.type").isEqualTo("urn:problem-type:not-found")
                .jsonPath("$.detail").isEqualTo("There is no analysis 01890000-0000-7000-8000-000000000000.");
    }

    @Test
    void anotherSubjectsIsNotThere() {
        UUID id = api.submit("development's", 1);
        UUID own = AnalysesApi.id(api.postAs(api.other(), Map.of("name", "its own", "values", new double[] {1})));

        api.other().get().uri("/api/analyses/{id}", id).exchange().expectStatus().isNotFound();
        api.other().delete().uri("/api/analyses/{id}", id).exchange().expectStatus().isNotFound();
        for (String query : new String[] {"", "?status=QUEUED"}) {
            api.other().get().uri("/api/analyses" + query).exchange().expectBody()
                    .jsonPath("$.items.length()").isEqualTo(1)
                    .jsonPath("$.items[0].id").isEqualTo(own.toString());
        }
        api.get("/api/analyses").expectBody().jsonPath("$.items.length()").isEqualTo(2); // Development may see everybody's,
        api.client().delete().uri("/api/analyses/{id}", own).exchange().expectStatus().isNoContent(); // and end it.
        api.other().get().uri("/api/analyses/{id}", own).exchange().expectStatus().isNotFound();
    }

    @Test
    void anIdempotencyKeyIsOneSubjectsAndTellsAnotherNothing() {
        Map<String, Object> body = Map.of("name", "once each", "values", new double[] {1});
        UUID id = AnalysesApi.id(api.post(body, "Idempotency-Key", "shared"));
        UUID others = AnalysesApi.id(api.postAs(api.other(), body, "Idempotency-Key", "shared"));

        assertThat(others).isNotEqualTo(id);
        api.postAs(api.other(), Map.of("name", "another body", "values", new double[] {1}), "Idempotency-Key", "shared")
                .expectStatus().isEqualTo(422);
        assertThat(AnalysesApi.id(api.post(body, "Idempotency-Key", "shared"))).isEqualTo(id);
    }

    @Test
    void theApiDescribesWhatAClientMayDo() {
        api.get("/api/openapi")
                .expectBody()
                .jsonPath("$.paths['/api/analyses'].post.responses['202'].content['application/json']").exists()
                .jsonPath("$.paths['/api/analyses'].post.responses['422'].content['application/problem+json']").exists()
                .jsonPath("$.paths['/api/analyses/{id}'].delete.responses['204']").exists()
                .jsonPath("$.components.schemas.AnalysisRequest.additionalProperties").isEqualTo(false)
                .jsonPath("$.components.schemas.AnalysisRequest.properties.values.maxItems").isEqualTo(100_000);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{'values': [1]}               | name must not be blank.",
        "{'name': ' ', 'values': [1]}  | name must not be blank.",
        "{'name': 'a'}                 | values must not be null.",
        "{'name': 'a', 'values': []}   | values size must be between 1 and 100000."
    })
    void aBadBodyIsRefused(String body, String detail) {
        api.post(body.replace('\'', '"')).expectStatus().isBadRequest().expectBody().jsonPath("$.detail").isEqualTo(detail);
    }
}
