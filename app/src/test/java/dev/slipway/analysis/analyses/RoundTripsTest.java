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

/** Each statement is a way to the database and back; a transaction of its own costs a request two and more. */
@ServiceTest
@Import(AnalysesApi.class)
@TestPropertySource(properties = "spring.datasource.hikari.maximum-pool-size=1") // One connection, once warm.
class RoundTripsTest {

    private static final String MEND = "what the service asks its database for one request. A JpaRepository opens a transaction for each read that"
            + " it inherits, and looks for a row before it saves one: declare what you read under the annotation that AnalysisRepository has,"
            + " save by EntityManager.persist, and take a Slice where a page needs no total. Or allow more here.";

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
        assertThat(database.statementsOf(this::get)).as(MEND).isNotEmpty().hasSizeLessThanOrEqualTo(2);
    }

    @Test
    void aPostTakesThreeAtMost() {
        assertThat(database.statementsOf(() -> api.submit("counted", 1, 2, 3))).as(MEND)
                .filteredOn(statement -> !statement.contains("AS depth")) // Asked beside it, every few seconds.
                .isNotEmpty().hasSizeLessThanOrEqualTo(3);
    }

    private void get() {
        api.get("/api/analyses/{id}", id).expectStatus().isOk();
    }
}
