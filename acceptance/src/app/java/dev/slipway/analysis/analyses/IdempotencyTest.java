package dev.slipway.analysis.analyses;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;

@ServiceTest
@Import(AnalysesApi.class)
class IdempotencyTest {

    private static final String BODY = "{\"name\": \"once\", \"values\": [1, 2, 3]}";

    @Autowired
    AnalysesApi api;

    @Autowired
    TestDatabase database;

    @AfterEach
    void cleanUp() {
        database.clear("analysis");
    }

    @Test
    void theSameKeyAndBodyGetTheFirstAnswerAgain() {
        String first = submit(BODY);
        database.sql("UPDATE analysis SET status = 'FAILED', failure = 'later'").update();

        assertThat(submit("{\"values\":[1.0,2,3],\"name\":\"once\"}")).isEqualTo(first);
        assertThat(count()).isEqualTo(1);
    }

    @Test
    void theSameKeyWithAnotherBodyIsRefused() {
        submit(BODY);

        api.post(BODY.replace("3", "4"), "Idempotency-Key", "key")
                .expectStatus().isEqualTo(422)
                .expectBody()
                .jsonPath("$.type").isEqualTo("urn:problem-type:idempotency-key-reused");
    }

    @Test
    void keysDifferInCase() {
        submit(BODY);

        api.post(BODY, "Idempotency-Key", "KEY").expectStatus().isAccepted();

        assertThat(count()).isEqualTo(2);
    }

    @Test
    void aKeyLivesAsLongAsItsAnalysis() {
        String first = submit(BODY);
        database.sql("DELETE FROM analysis").update();

        assertThat(submit(BODY)).isNotEqualTo(first);
    }

    @Test
    void aRaceOfEqualSubmissionsMakesOneAnalysis() throws Exception {
        ExecutorService clients = Executors.newFixedThreadPool(8);
        try {
            for (int round = 0; round < 10; round++) {
                String key = "race-" + round;
                Callable<UUID> submission =
                        () -> AnalysesApi.id(api.post(BODY, "Idempotency-Key", key).expectStatus().isAccepted());
                List<Future<UUID>> answers = clients.invokeAll(Stream.generate(() -> submission).limit(8).toList());

                assertThat(answers.stream().map(IdempotencyTest::get).collect(Collectors.toSet())).hasSize(1);
            }
        } finally {
            clients.shutdown();
        }
        assertThat(count()).isEqualTo(10);
    }

    private String submit(String body) {
        return api.post(body, "Idempotency-Key", "key")
                .expectStatus().isAccepted()
                .expectBody(String.class)
                .returnResult()
                .getResponseBody();
    }

    private int count() {
        return database.sql("SELECT COUNT(*) FROM analysis").query(int.class).single();
    }

    private static UUID get(Future<UUID> future) {
        try {
            return future.get();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
