package dev.slipway.analysis.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.analyses.Result;
import dev.slipway.analysis.database.TestDatabase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.simple.JdbcClient;

@ServiceTest
class QueueTest {

    private static final Duration LEASE = Duration.ofSeconds(30);
    private static final Duration NO_LEASE = Duration.ZERO;
    private static final Result RESULT = new Result(1, 1, 0, 1, 1, 1, 1, 1);

    /** The queue without the worker that would empty it. */
    @TestConfiguration(proxyBeanMethods = false)
    static class QueueAlone {

        @Bean
        Queue queue(JdbcClient jdbc) {
            return new Queue(jdbc);
        }
    }

    @Autowired
    Queue queue;

    @Autowired
    Api api;

    @Autowired
    TestDatabase database;

    @AfterEach
    void cleanUp() {
        database.clear();
    }

    @Test
    void theOldestIsClaimedFirstAndNoOtherWorkerGetsIt() {
        UUID older = api.submit("older", 1.5, 2);
        UUID newer = api.submit("newer", 1);

        List<Job> first = queue.claim("one", 1, LEASE);
        List<Job> second = queue.claim("two", 10, LEASE);

        assertThat(first).extracting(Job::id).containsExactly(older);
        assertThat(second).extracting(Job::id).containsExactly(newer);
        assertThat(status(older)).isEqualTo("RUNNING");
    }

    @Test
    void workersThatClaimAtOnceShareTheQueueWithoutWaitingForEachOther() throws Exception {
        for (int i = 0; i < 100; i++) {
            api.submit("shared", 1);
        }
        long waitsBefore = lockWaits();
        ExecutorService workers = Executors.newFixedThreadPool(4);
        try {
            List<Future<List<Job>>> claims = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                String owner = "worker-" + i;
                claims.add(workers.submit(() -> queue.claim(owner, 5, LEASE)));
            }
            List<UUID> claimed = new ArrayList<>();
            for (Future<List<Job>> claim : claims) {
                claim.get().forEach(job -> claimed.add(job.id()));
            }
            assertThat(claimed).hasSize(100).doesNotHaveDuplicates();
        } finally {
            workers.shutdown();
        }
        assertThat(lockWaits()).isEqualTo(waitsBefore);
    }

    @Test
    void aDeadWorkersAnalysisGoesToAnotherWhenItsLeaseEnds() {
        UUID id = api.submit("orphaned", 1);
        queue.claim("dead", 1, NO_LEASE);

        List<Job> jobs = queue.claim("alive", 1, LEASE);

        assertThat(jobs).extracting(Job::id).containsExactly(id);
        assertThat(jobs).extracting(Job::attempt).containsExactly(2);
    }

    @Test
    void whoLostTheLeaseCannotFinish() {
        UUID id = api.submit("contested", 1);
        queue.claim("slow", 1, NO_LEASE);
        queue.claim("fast", 1, LEASE);

        queue.finish("slow", List.of(new Outcome.Failed(id, "too late")));
        assertThat(status(id)).isEqualTo("RUNNING");

        queue.finish("fast", List.of(new Outcome.Done(id, RESULT)));
        assertThat(status(id)).isEqualTo("DONE");

        queue.finish("slow", List.of(new Outcome.Failed(id, "too late")));
        assertThat(status(id)).isEqualTo("DONE");
    }

    @Test
    void whatIsGivenBackIsAsThoughNeverClaimed() {
        UUID id = api.submit("returned", 1);
        queue.claim("leaving", 1, LEASE);

        queue.giveBack("leaving", List.of(id));

        assertThat(status(id)).isEqualTo("QUEUED");
        assertThat(queue.claim("next", 1, LEASE)).extracting(Job::attempt).containsExactly(1);
    }

    @Test
    void aRetryWaits() {
        UUID id = api.submit("retried", 1);
        queue.claim("one", 1, LEASE);

        queue.finish("one", List.of(new Outcome.Retry(id, Duration.ofMinutes(1))));

        assertThat(status(id)).isEqualTo("QUEUED");
        assertThat(queue.claim("two", 1, LEASE)).isEmpty();
    }

    @Test
    void anAnalysisDeletedWhileItRunsStaysDeleted() {
        UUID id = api.submit("deleted", 1);
        queue.claim("one", 1, LEASE);
        api.client().delete().uri("/api/analyses/{id}", id).exchange().expectStatus().isNoContent();

        queue.finish("one", List.of(new Outcome.Done(id, RESULT)));

        api.get("/api/analyses/{id}", id).expectStatus().isNotFound();
    }

    private String status(UUID id) {
        return database.sql("SELECT status FROM analysis WHERE id = UNHEX(:id)")
                .param("id", id.toString().replace("-", ""))
                .query(String.class)
                .single();
    }

    private long lockWaits() {
        return database.sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'")
                .query((row, number) -> row.getLong("Value"))
                .single();
    }
}
