package dev.slipway.analysis.analyses;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.test.context.TestPropertySource;

/** How many analyses one subject may keep. */
@ServiceTest
@Import(AnalysesApi.class)
@TestPropertySource(properties = "access.max-rows=3")
class KeptAnalysesTest {

    private static final Map<String, Object> BODY = Map.of("name", "kept", "values", new double[] {1});

    @Autowired
    AnalysesApi api;

    @Autowired
    TestDatabase database;

    @AfterEach
    void cleanUp() {
        database.clear("analysis");
    }

    @Test
    void whoKeepsAsManyAsItMaySubmitsNoMoreUntilItDeletesOne() {
        UUID first = AnalysesApi.id(api.post(BODY, "Idempotency-Key", "first"));
        api.submit("second", 1);
        api.submit("third", 1);

        api.post(BODY)
                .expectStatus().isEqualTo(429)
                .expectHeader().valueEquals("Retry-After", "60")
                .expectBody().jsonPath("$.type").isEqualTo("urn:problem-type:quota-exceeded");
        assertThat(AnalysesApi.id(api.post(BODY, "Idempotency-Key", "first"))).as("a repetition needs no room").isEqualTo(first);
        api.postAs(api.other(), BODY).expectStatus().isAccepted();

        api.client().delete().uri("/api/analyses/{id}", first).exchange().expectStatus().isNoContent();
        await().atMost(Duration.ofSeconds(10)).untilAsserted(() -> api.post(BODY).expectStatus().isAccepted());
    }
}
