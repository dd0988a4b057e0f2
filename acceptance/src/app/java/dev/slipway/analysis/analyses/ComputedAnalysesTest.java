package dev.slipway.analysis.analyses;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.SmartLifecycle;
import org.springframework.test.annotation.DirtiesContext;
import org.springframework.test.context.ActiveProfiles;
import org.springframework.test.context.TestPropertySource;

@ServiceTest
@Import(AnalysesApi.class)
@ActiveProfiles({"web", "worker", "migrate"})
@TestPropertySource(properties = "worker.retry-delay=10ms")
@DirtiesContext // Its worker would take what other tests submit.
class ComputedAnalysesTest {

    @Autowired
    AnalysesApi api;

    @Autowired
    @Qualifier("worker")
    SmartLifecycle worker;

    @Autowired
    TestDatabase database;

    @AfterEach
    void cleanUp() {
        if (!worker.isRunning()) {
            worker.start();
        }
        database.clear("analysis");
    }

    @Test
    void aSubmissionIsFinishedWithItsResult() {
        UUID id = api.submit("plain", 1, 2, 3, 4);

        awaitStatus(id, "DONE");

        api.get("/api/analyses/{id}", id)
                .expectBody()
                .jsonPath("$.startedAt").exists()
                .jsonPath("$.finishedAt").exists()
                .jsonPath("$.result.count").isEqualTo(4)
                .jsonPath("$.result.mean").isEqualTo(2.5)
                .jsonPath("$.result.p50").isEqualTo(2.5);
    }

    @Test
    void aFullQueueIsWorkedOff() {
        for (int i = 0; i < 200; i++) {
            api.submit("one of many", i);
        }

        await().atMost(Duration.ofMinutes(1)).until(() -> count("status = 'DONE'") == 200);

        assertThat(count("attempts <> 1")).isZero();
    }

    @Test
    void valuesThatHaveNoResultEndAsFailedAtOnce() {
        UUID id = api.submit("too far apart", -1e308, 1e308);

        awaitStatus(id, "FAILED");

        assertThat(failure(id)).contains("beyond the range of a double");
        assertThat(count("attempts = 1")).isEqualTo(1);
    }

    @Test
    void anAnalysisThatKeepsFailingIsGivenUpWithItsReason() {
        worker.stop();
        UUID id = api.submit("damaged", 1, 2);
        database.sql("UPDATE analysis_values SET doubles = 'damaged'").update();

        worker.start();

        awaitStatus(id, "FAILED");
        assertThat(failure(id)).startsWith("Given up after 3 attempts. The stored values are damaged");
    }

    @Test
    void aStoppedWorkerHoldsNothing() {
        for (int i = 0; i < 500; i++) {
            api.submit("interrupted", i);
        }
        worker.stop();

        assertThat(count("status = 'RUNNING'")).isZero();
        assertThat(count("lease_owner IS NOT NULL")).isZero();
        assertThat(count("status IN ('QUEUED', 'DONE')")).isEqualTo(500);
    }

    @Test
    void anIdleWorkerDoesNotKeepTheDatabaseBusy() throws Exception {
        Thread.sleep(3000); // The pauses have doubled to a second by then.

        int statements = database.statementsOf(() -> {
                    try {
                        Thread.sleep(3000);
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                })
                .size();

        // Two threads, a look a second each, and one for suspects, of a SELECT and its end.
        assertThat(statements).isBetween(4, 26);
    }

    private void awaitStatus(UUID id, String status) {
        await().atMost(Duration.ofMinutes(1))
                .untilAsserted(() -> api.get("/api/analyses/{id}", id).expectBody().jsonPath("$.status").isEqualTo(status));
    }

    private String failure(UUID id) {
        return database.sql("SELECT failure FROM analysis WHERE id = UNHEX(:id)")
                .param("id", id.toString().replace("-", ""))
                .query(String.class)
                .single();
    }

    private int count(String condition) {
        return database.sql("SELECT COUNT(*) FROM analysis WHERE " + condition).query(int.class).single();
    }
}
