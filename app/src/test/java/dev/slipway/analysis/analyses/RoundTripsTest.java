package dev.slipway.analysis.analyses;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.test.context.TestPropertySource;

@ServiceTest
@Import(AnalysesApi.class)
@TestPropertySource(properties = "spring.datasource.hikari.maximum-pool-size=1") // One connection, once warm.
class RoundTripsTest {

    @Autowired
    AnalysesApi api;

    @Autowired
    TestDatabase database;

    UUID id;

    @BeforeEach
    void warmUp() {
        id = api.submit("warm", 1);
        api.submit("warm", 1);
        get();
        get();
    }

    @AfterEach
    void cleanUp() {
        database.clear("analysis");
    }

    @Test
    void aGetTakesTwoAtMost() {
        assertThat(database.statementsOf(this::get)).isNotEmpty().hasSizeLessThanOrEqualTo(2);
    }

    @Test
    void aPostTakesThreeAtMost() {
        assertThat(database.statementsOf(() -> api.submit("counted", 1, 2, 3)))
                .filteredOn(statement -> !statement.contains("AS depth")) // Asked beside it, every few seconds.
                .isNotEmpty().hasSizeLessThanOrEqualTo(3);
    }

    private void get() {
        api.get("/api/analyses/{id}", id).expectStatus().isOk();
    }
}
