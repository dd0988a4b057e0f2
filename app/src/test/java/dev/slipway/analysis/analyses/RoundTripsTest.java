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

    private static final String MEND = "what the service asks its database for one request. A read by the JdbcClient named reads is one statement,"
            + " and one by a JpaRepository opens and ends a transaction; save by EntityManager.persist, which does not look for the row before."
            + " Or allow more here.";

    @Autowired
    AnalysesApi api;

    @Autowired
    TestDatabase database;

    UUID id;

    @BeforeEach
    void warmUp() {
        id = api.submit("warm", 1);
        api.submit("warm", 1);
        for (int i = 0; i < 2; i++) {
            get();
            api.get("/api/analyses").expectStatus().isOk();
        }
    }

    @AfterEach
    void cleanUp() {
        database.clear("analysis");
    }

    @Test
    void aGetTakesOne() {
        assertThat(database.statementsOf(this::get)).as(MEND).hasSize(1);
    }

    @Test
    void aPageTakesOne() {
        assertThat(database.statementsOf(() -> api.get("/api/analyses").expectStatus().isOk())).as(MEND).hasSize(1);
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
