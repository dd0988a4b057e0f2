package dev.slipway.analysis.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
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
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.dao.DataAccessException;

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
        assertThat(queue.claim(1, LEASE)).isEmpty();
        assertThat(errands.status(older)).isEqualTo("RUNNING");
    }

    @Test
    void workersThatClaimAtOnceShareTheQueueWithoutWaitingForEachOther() throws Exception {
        for (int i = 0; i < 200; i++) {
            errands.submit("shared", 1);
        }
        long waitsBefore = status("Innodb_row_lock_waits");
        ExecutorService workers = Executors.newFixedThreadPool(4);
        try {
            List<Future<List<Job>>> claims = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                int most = 1 + i % 2 * 2; // Of three numbers, of a byte each.
                claims.add(workers.submit(() -> {
                    List<Job> jobs = queue.claim(most, LEASE);
                    queue.finish(jobs.stream().collect(Collectors.toMap(job -> job, job -> new Outcome.Done(RESULT))));
                    return jobs;
                }));
            }
            List<UUID> claimed = new ArrayList<>();
            for (Future<List<Job>> claim : claims) {
                claim.get().forEach(job -> claimed.add(job.id()));
            }
            assertThat(claimed).hasSize(200).doesNotHaveDuplicates();
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

        assertThat(queue.claim(1, LEASE)).hasSize(1);

        assertThat(status("Handler_read_next") - before).isLessThan(100);
    }

    @Test
    void whatIsClaimedTogetherIsEachAJobOfItsOwn() {
        UUID first = errands.submit("first", 1);
        UUID second = errands.submit("second", 1);
        UUID third = errands.submit("third", 1);

        List<Job> claimed = queue.claim(2, LEASE);
        assertThat(claimed).extracting(Job::id, Job::attempt).containsExactly(tuple(first, 1), tuple(second, 1));
        assertThat(queue.claim(2, LEASE)).extracting(Job::id).containsExactly(third);

        queue.giveBack(claimed.get(0));
        queue.finish(claimed.get(1), new Outcome.Done(RESULT));
        assertThat(errands.status(first)).isEqualTo("QUEUED");
        assertThat(errands.status(second)).isEqualTo("DONE");
        assertThat(errands.status(third)).isEqualTo("RUNNING");
    }

    @Test
    void theInputsOfWhatIsClaimedTogetherAreNoLargerThanOneMayBe() {
        for (int i = 0; i < 10; i++) {
            errands.submit("long", 100);
        }

        List<Job> claimed = queue.claim(10, LEASE);

        assertThat(claimed).hasSize(8 / 3);
        assertThat(queue.fitting(claimed)).isEqualTo(8 / 3);
        assertThat(errands.count("status = 'RUNNING'")).isEqualTo(8 / 3);
    }

    @Test
    void whatIsFinishedTogetherIsWrittenButForWhatAnotherTookOver() {
        errands.submit("mine", 1);
        errands.submit("contested", 1);
        errands.submit("retried", 1);
        Job mine = claimed();
        Job contested = queue.claim(1, NO_LEASE).get(0);
        Job retried = claimed();
        queue.claimSuspect(LEASE);

        assertThat(queue.finish(Map.of(
                        mine, new Outcome.Done(RESULT), contested, new Outcome.Failed("too late"), retried, new Outcome.Retry(Duration.ZERO))))
                .containsExactly(contested);

        assertThat(errands.status(mine.id())).isEqualTo("DONE");
        assertThat(errands.status(contested.id())).isEqualTo("RUNNING");
        assertThat(errands.status(retried.id())).isEqualTo("QUEUED");
    }

    @Test
    void whatIsFinishedTogetherIsWrittenAllOrNot() {
        errands.submit("good", 1);
        errands.submit("bad", 1);
        Job good = claimed();
        Job bad = claimed();

        assertThatThrownBy(() -> queue.finish(Map.of(good, new Outcome.Done(RESULT), bad, new Outcome.Done(Map.of("answer", "no number")))))
                .isInstanceOf(DataAccessException.class);

        assertThat(errands.count("status = 'RUNNING'")).isEqualTo(2);
        assertThat(database.sql("SELECT COUNT(*) FROM errand_input").query(int.class).single()).isEqualTo(2);
    }

    @Test
    void whatALostWorkerHeldIsASuspectAndNotItsFault() {
        UUID id = errands.submit("orphaned", 1);
        queue.claim(1, NO_LEASE);

        assertThat(queue.claim(1, LEASE)).isEmpty();
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
        queue.claim(1, NO_LEASE);
        queue.claimSuspect(NO_LEASE);

        Job suspect = queue.claimSuspect(LEASE).orElseThrow();

        assertThat(suspect.attempt()).isEqualTo(2);
        assertThat(suspect.endedItsWorker()).isTrue();
    }

    @Test
    void aRenewedLeaseKeepsOthersAway() {
        errands.submit("long", 1);
        Job job = queue.claim(1, NO_LEASE).get(0);

        assertThat(queue.renew(job, LEASE)).isTrue();

        assertThat(queue.hasSuspects()).isFalse();
        assertThat(queue.claimSuspect(LEASE)).isEmpty();
    }

    @Test
    void whoLostTheLeaseCannotFinish() {
        UUID id = errands.submit("contested", 1);
        Job slow = queue.claim(1, NO_LEASE).get(0);
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
        assertThat(queue.claim(1, LEASE)).isEmpty();
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
        return queue.claim(1, LEASE).get(0);
    }

    private long status(String variable) {
        return database.sql("SHOW GLOBAL STATUS LIKE '" + variable + "'")
                .query((row, number) -> row.getLong("Value"))
                .single();
    }
}
