package dev.slipway.analysis.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import dev.slipway.analysis.worker.Job.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;

@ServiceTest
@Import(Errands.class)
class QueueTest {

    private static final Duration LEASE = Duration.ofSeconds(30);
    private static final Duration NO_LEASE = Duration.ZERO;
    private static final Map<String, Object> RESULT = Map.of("answer", 2);

    @Autowired
    Queue queue;

    @Autowired
    Errands errands;

    @Autowired
    TestDatabase database;

    @AfterEach
    void cleanUp() {
        errands.clear();
    }

    @Test
    void theServicesOwnQueueIsATableAsTheTestsIs(@Autowired JobHandler handler) {
        assertThat(shape(handler.table().name())).containsAll(shape("errand"));
    }

    /** Columns and keys, those apart that are no business of the queue. */
    private List<String> shape(String table) {
        return database.sql("""
                        SELECT CONCAT_WS(' ', column_name, column_type, is_nullable, column_default) FROM information_schema.columns
                        WHERE table_schema = 'app' AND table_name = :table AND column_name NOT IN ('name', 'answer')
                        UNION ALL
                        SELECT CONCAT_WS(' ', index_name, seq_in_index, column_name) FROM information_schema.statistics
                        WHERE table_schema = 'app' AND table_name = :table
                        """)
                .param("table", table)
                .query(String.class)
                .list();
    }

    @Test
    void theOldestIsClaimedFirstAndNoOtherWorkerGetsIt() {
        UUID older = errands.submit("older", 1);
        UUID newer = errands.submit("newer", 1);

        Job first = claimed();
        Job second = claimed();

        assertThat(first.id()).isEqualTo(older);
        assertThat(second.id()).isEqualTo(newer);
        assertThat(queue.claim(LEASE)).isEmpty();
        assertThat(errands.status(older)).isEqualTo("RUNNING");
    }

    @Test
    void workersThatClaimAtOnceShareTheQueueWithoutWaitingForEachOther() throws Exception {
        for (int i = 0; i < 100; i++) {
            errands.submit("shared", 1);
        }
        long waitsBefore = status("Innodb_row_lock_waits");
        ExecutorService workers = Executors.newFixedThreadPool(4);
        try {
            List<Future<Job>> claims = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                claims.add(workers.submit(this::claimed));
            }
            List<UUID> claimed = new ArrayList<>();
            for (Future<Job> claim : claims) {
                claimed.add(claim.get().id());
            }
            assertThat(claimed).hasSize(100).doesNotHaveDuplicates();
        } finally {
            workers.shutdown();
        }
        assertThat(status("Innodb_row_lock_waits")).isEqualTo(waitsBefore);
    }

    @Test
    void aClaimReadsNoMoreOfALongQueueThanItTakes() {
        database.sql("INSERT INTO errand (id, name, status, created_at)"
                        + " SELECT UNHEX(LPAD(HEX(seq), 32, '0')), 'waiting', 'QUEUED', UTC_TIMESTAMP(6) - INTERVAL seq SECOND FROM seq_1_to_2000")
                .update();
        long before = status("Handler_read_next");

        assertThat(queue.claim(LEASE)).isPresent();

        assertThat(status("Handler_read_next") - before).isLessThan(100);
    }

    @Test
    void whatALostWorkerHeldIsASuspectAndNotItsFault() {
        UUID id = errands.submit("orphaned", 1);
        queue.claim(NO_LEASE);

        assertThat(queue.claim(LEASE)).isEmpty();
        assertThat(queue.hasSuspects()).isTrue();
        Job suspect = queue.claimSuspect(LEASE).orElseThrow();

        assertThat(suspect.id()).isEqualTo(id);
        assertThat(suspect.attempt()).isEqualTo(1);
        assertThat(suspect.endedItsWorker()).isFalse();
        assertThat(queue.hasSuspects()).isFalse();
    }

    @Test
    void aWorkerThatIsLostOverOneAloneIsCountedAgainstIt() {
        errands.submit("deadly", 1);
        queue.claim(NO_LEASE);
        queue.claimSuspect(NO_LEASE);

        Job suspect = queue.claimSuspect(LEASE).orElseThrow();

        assertThat(suspect.attempt()).isEqualTo(2);
        assertThat(suspect.endedItsWorker()).isTrue();
    }

    @Test
    void aRenewedLeaseKeepsOthersAway() {
        errands.submit("long", 1);
        Job job = queue.claim(NO_LEASE).orElseThrow();

        assertThat(queue.renew(job, LEASE)).isTrue();

        assertThat(queue.hasSuspects()).isFalse();
        assertThat(queue.claimSuspect(LEASE)).isEmpty();
    }

    @Test
    void whoLostTheLeaseCannotFinish() {
        UUID id = errands.submit("contested", 1);
        Job slow = queue.claim(NO_LEASE).orElseThrow();
        Job fast = queue.claimSuspect(LEASE).orElseThrow();

        assertThat(queue.renew(slow, LEASE)).isFalse();
        assertThat(queue.finish(slow, new Outcome.Failed("too late"))).isFalse();
        assertThat(errands.status(id)).isEqualTo("RUNNING");

        assertThat(queue.finish(fast, new Outcome.Done(RESULT))).isTrue();
        assertThat(errands.status(id)).isEqualTo("DONE");

        assertThat(queue.finish(slow, new Outcome.Failed("too late"))).isFalse();
        assertThat(errands.status(id)).isEqualTo("DONE");
    }

    @Test
    void whatIsGivenBackOrRetriedStaysBeforeWhatCameLater() {
        UUID returned = errands.submit("returned", 1);
        UUID retried = errands.submit("retried", 1);
        UUID later = errands.submit("later", 1);
        Job first = claimed();
        Job second = claimed();

        queue.giveBack(first);
        queue.finish(second, new Outcome.Retry(Duration.ZERO));

        assertThat(errands.status(returned)).isEqualTo("QUEUED");
        assertThat(List.of(claimed(), claimed(), claimed()))
                .extracting(Job::id, Job::attempt)
                .containsExactly(tuple(returned, 1), tuple(retried, 2), tuple(later, 1));
    }

    @Test
    void aRetryWaits() {
        UUID id = errands.submit("retried", 1);

        queue.finish(claimed(), new Outcome.Retry(Duration.ofMinutes(1)));

        assertThat(errands.status(id)).isEqualTo("QUEUED");
        assertThat(queue.claim(LEASE)).isEmpty();
    }

    @Test
    void theInputGoesWithTheOutcomeAndNotBefore() {
        errands.submit("retried", 1);
        errands.submit("failed", 1);
        errands.submit("done", 1);

        queue.finish(claimed(), new Outcome.Retry(Duration.ofMinutes(1)));
        queue.finish(claimed(), new Outcome.Failed("for a test"));
        queue.finish(claimed(), new Outcome.Done(RESULT));

        assertThat(database.sql("SELECT name FROM errand JOIN errand_input ON errand_id = id").query(String.class).list())
                .containsExactly("retried");
    }

    @Test
    void aFailureIsCutToWhatItsColumnHolds() {
        UUID id = errands.submit("verbose", 1);

        queue.finish(claimed(), new Outcome.Failed("é😀".repeat(1000)));

        assertThat(errands.status(id)).isEqualTo("FAILED");
    }

    @Test
    void aJobDeletedWhileItRunsStaysDeleted() {
        errands.submit("deleted", 1);
        Job job = claimed();
        errands.clear();

        assertThat(queue.finish(job, new Outcome.Done(RESULT))).isFalse();

        assertThat(errands.count("TRUE")).isZero();
    }

    private Job claimed() {
        return queue.claim(LEASE).orElseThrow();
    }

    private long status(String variable) {
        return database.sql("SHOW GLOBAL STATUS LIKE '" + variable + "'")
                .query((row, number) -> row.getLong("Value"))
                .single();
    }
}
