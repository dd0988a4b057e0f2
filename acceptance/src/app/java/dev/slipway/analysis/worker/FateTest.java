package dev.slipway.analysis.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.mockito.AdditionalAnswers.delegatesTo;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.mock;

import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.hibernate.exception.JDBCConnectionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.dao.DataAccessResourceFailureException;
import org.springframework.jdbc.BadSqlGrammarException;
import org.springframework.jdbc.UncategorizedSQLException;
import org.springframework.orm.jpa.JpaSystemException;
import org.springframework.transaction.CannotCreateTransactionException;

/** One job does what it may not; what becomes of it, of its neighbours, and of the worker. */
@ServiceTest
@Import(Errands.class)
class FateTest {

    private static final Duration LEASE = Duration.ofSeconds(1);
    private static final int BAD = 666;

    @Autowired
    Queue queue;

    @Autowired
    Errands errands;

    @Autowired
    TestDatabase database;

    private final AtomicInteger ends = new AtomicInteger();
    private final AtomicInteger computing = new AtomicInteger();
    private final CountDownLatch release = new CountDownLatch(1);
    private Worker worker;

    @AfterEach
    void cleanUp() {
        release.countDown();
        if (worker.isRunning()) {
            worker.stop();
        }
        errands.clear();
    }

    @ParameterizedTest
    @ValueSource(classes = {StackOverflowError.class, NoClassDefFoundError.class, IllegalStateException.class})
    void whateverAComputationThrowsIsItsOwnFailure(Class<? extends Throwable> type) {
        errands.submit("bad", BAD);
        errands.submit("good", 1);

        start(number -> {
            Throwable failure = type.getDeclaredConstructor().newInstance();
            if (failure instanceof Error error) {
                throw error;
            }
            throw (Exception) failure;
        });

        awaitFailure("bad", "Given up after 2 attempts. The worker's log says why.");
        awaitStatus("good", "DONE");
        assertThat(ends).hasValue(0);
    }

    @Test
    void aComputationWithoutAResultIsItsOwnFailure() {
        errands.submit("bad", BAD);
        errands.submit("good", 1);

        start(number -> null);

        awaitFailure("bad", "Given up after 2 attempts. The worker's log says why.");
        awaitStatus("good", "DONE");
    }

    @Test
    void aResultThatTheDatabaseRefusesFailsItsJobAlone() {
        errands.submit("bad", BAD);
        errands.submit("good", 1);

        start(number -> Map.of("answer", "no number"));

        awaitFailure("bad", "The database refused its result: the worker's log says why.");
        awaitStatus("good", "DONE");
    }

    @Test
    void aResultThatATriggerRefusesFailsItsJobAlone() {
        database.sql("CREATE TRIGGER refuse BEFORE UPDATE ON errand FOR EACH ROW"
                + " IF NEW.status = 'DONE' AND NEW.name = 'bad' THEN SIGNAL SQLSTATE '45000'; END IF").update();
        try {
            errands.submit("bad", BAD);
            errands.submit("good", 1);

            start(Errands::answer);

            awaitFailure("bad", "The database refused its result: the worker's log says why.");
            awaitStatus("good", "DONE");
        } finally {
            database.sql("DROP TRIGGER refuse").update();
        }
    }

    @Test
    void aWorkerThatMayNotClaimEnds() {
        Queue real = queue;
        queue = mock(Queue.class, delegatesTo(real));
        doThrow(new BadSqlGrammarException("claim", "SELECT", new SQLException("denied", "42000"))).when(queue).claim(anyInt(), any());

        start(Errands::answer);

        await().atMost(Duration.ofMinutes(1)).until(() -> ends.get() == 1);
    }

    static Stream<RuntimeException> whatADatabaseThatGoesAwayThrows() {
        SQLException cause = new SQLException("Socket error", "08000");
        return Stream.of(
                new DataAccessResourceFailureException("No connection", cause),
                new JpaSystemException(new JDBCConnectionException("Unable to rollback", cause)),
                new CannotCreateTransactionException("No connection", cause),
                new UncategorizedSQLException("No room", "UPDATE", cause));
    }

    @ParameterizedTest
    @MethodSource("whatADatabaseThatGoesAwayThrows")
    void aResultWaitsForADatabaseThatIsAway(RuntimeException away) {
        Queue real = queue;
        queue = mock(Queue.class, delegatesTo(real));
        doThrow(away).doAnswer(delegatesTo(real)).when(queue).finish(any(), any());
        errands.submit("good", 1);

        start(Errands::answer);

        awaitStatus("good", "DONE");
    }

    @Test
    void anInputThatIsGoneFailsItsJob() {
        errands.submit("bad", BAD);
        database.sql("DELETE FROM errand_input").update();

        start(Errands::answer);

        awaitFailure("bad", "Given up after 2 attempts. What was stored for it is gone.");
    }

    @Test
    void aLeaseIsRenewedWhileItsWorkerComputes() {
        errands.submit("bad", BAD);
        start(number -> {
            Thread.sleep(LEASE.multipliedBy(2).toMillis());
            return Errands.answer(number);
        }, Duration.ofMinutes(1));

        awaitStatus("bad", "DONE");

        assertThat(errands.count("attempts = 1")).isEqualTo(1);
    }

    @Test
    void aComputationThatTakesTooLongIsInterruptedAndFailsAlone() {
        errands.submit("bad", BAD);
        errands.submit("good", 1);

        start(number -> {
            Thread.sleep(600_000);
            return Errands.answer(number);
        });

        awaitFailure("bad", "It was not computed within 1 s.");
        awaitStatus("good", "DONE");
        assertThat(ends).hasValue(0);
    }

    @Test
    void aComputationThatNeverReturnsFailsAloneAndEndsItsWorker() {
        errands.submit("bad", BAD);
        errands.submit("good", 1);

        start(number -> {
            while (release.getCount() > 0) {
                Thread.onSpinWait();
            }
            return Errands.answer(number);
        });

        awaitFailure("bad", "It was not computed within 1 s.");
        await().atMost(Duration.ofMinutes(1)).until(() -> ends.get() == 1);
        awaitStatus("good", "DONE");
    }

    @Test
    void whatIsNotDoneInTheGracePeriodIsGivenBack() {
        errands.submit("bad", BAD);
        start(number -> {
            release.await();
            return Errands.answer(number);
        }, Duration.ofMinutes(1));
        awaitStatus("bad", "RUNNING");

        worker.stop();

        assertThat(errands.count("status = 'QUEUED' AND attempts = 0 AND lease_owner IS NULL")).isEqualTo(1);
    }

    @Test
    void whatIsClaimedWithALongOneDoesNotWaitForIt() {
        submitBadAmongGood();

        start(number -> {
            release.await();
            return Errands.answer(number);
        }, Duration.ofMinutes(1));

        await().atMost(Duration.ofMinutes(1)).until(() -> errands.count("name = 'good' AND status = 'DONE' AND attempts = 1") == 200);
        assertThat(errands.count("status = 'RUNNING'")).isEqualTo(1);
        release.countDown();
        awaitStatus("bad", "DONE");
    }

    @Test
    void aResultThatIsRefusedAmongOthersFailsItsJobAlone() {
        submitBadAmongGood();

        start(number -> Map.of("answer", "no number"));

        awaitFailure("bad", "The database refused its result: the worker's log says why.");
        await().atMost(Duration.ofMinutes(1)).until(() -> errands.count("name = 'good' AND status = 'DONE' AND attempts = 1") == 200);
        assertThat(ends).hasValue(0);
    }

    @Test
    void aStopWritesWhatIsComputedAndGivesTheRestBack() {
        submitBadAmongGood();
        start(number -> {
            release.await();
            return Errands.answer(number);
        }, Duration.ofMinutes(1));
        awaitStatus("bad", "RUNNING");

        worker.stop();

        assertThat(errands.count("status = 'RUNNING'")).isZero();
        assertThat(errands.count("status = 'QUEUED' AND (attempts > 0 OR lease_owner IS NOT NULL)")).isZero();
        assertThat(errands.count("status = 'DONE' AND attempts = 1")).isGreaterThanOrEqualTo(140);
    }

    /** After so many good ones that several are claimed at once. */
    private void submitBadAmongGood() {
        for (int i = 0; i < 200; i++) {
            errands.submit(i == 160 ? "bad" : "good", i == 160 ? BAD : 1);
        }
        errands.submit("good", 1);
    }

    @Test
    void suspectsAreComputedOneByOneBesideNothingElse() {
        for (int i = 0; i < 5; i++) {
            errands.submit("suspect", BAD);
        }
        // Those of a version that claimed many at once, and raised the attempts of all.
        database.sql("UPDATE errand SET status = 'RUNNING', attempts = 3, lease_owner = 'dead'").update();
        for (int i = 0; i < 20; i++) {
            errands.submit("new", 1);
        }
        AtomicInteger beside = new AtomicInteger();

        start(number -> {
            beside.addAndGet(computing.get() - 1);
            Thread.sleep(20);
            beside.addAndGet(computing.get() - 1);
            return Errands.answer(number);
        });

        await().atMost(Duration.ofMinutes(1)).until(() -> errands.count("status = 'DONE'") == 25);
        assertThat(beside).hasValue(0);
    }

    @Test
    void whatItsWorkerDidNotComeBackFromAloneIsGivenUp() {
        errands.submit("bad", BAD);
        database.sql("UPDATE errand SET status = 'RUNNING', attempts = 2, lease_owner = 'alone-dead'").update();

        start(Errands::answer);

        awaitFailure("bad", "Given up after 2 attempts: the last worker, which computed nothing else, did not come back from it.");
    }

    private void start(Worker.Computation ofBad) {
        start(ofBad, Duration.ofSeconds(1));
    }

    /** A worker of two threads that computes the bad job so, and the others as ever. */
    private void start(Worker.Computation ofBad, Duration timeLimit) {
        WorkerProperties properties =
                new WorkerProperties(2, LEASE, 2, timeLimit, Duration.ofMillis(1), Duration.ofMillis(10), Duration.ZERO);
        worker = new Worker(queue, properties, new WorkerMetrics(new SimpleMeterRegistry()), number -> {
            computing.incrementAndGet();
            try {
                return (Errands.number(number) == BAD ? ofBad : (Worker.Computation) Errands::answer).of(number);
            } finally {
                computing.decrementAndGet();
            }
        }, () -> {}, Duration.ofMillis(500), ends::incrementAndGet);
        worker.start();
    }

    private void awaitFailure(String name, String reason) {
        awaitStatus(name, "FAILED");
        assertThat(database.sql("SELECT failure FROM errand WHERE name = :name").param("name", name).query(String.class).single())
                .isEqualTo(reason);
    }

    private void awaitStatus(String name, String status) {
        await().atMost(Duration.ofMinutes(1)).until(() -> errands.count("name = '" + name + "' AND status = '" + status + "'") == 1);
    }
}
