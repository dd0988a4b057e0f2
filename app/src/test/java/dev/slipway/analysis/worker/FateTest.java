package dev.slipway.analysis.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.mockito.AdditionalAnswers.delegatesTo;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.mock;

import dev.slipway.analysis.Api;
import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.analyses.Result;
import dev.slipway.analysis.database.TestDatabase;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.sql.SQLException;
import java.time.Duration;
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

/** One analysis does what it may not; what becomes of it, of its neighbours, and of the worker. */
@ServiceTest
@Import(QueueAlone.class)
class FateTest {

    private static final Duration LEASE = Duration.ofSeconds(1);
    private static final double BAD = 666;

    @Autowired
    Queue queue;

    @Autowired
    Api api;

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
        database.clear();
    }

    @ParameterizedTest
    @ValueSource(classes = {StackOverflowError.class, NoClassDefFoundError.class, IllegalStateException.class})
    void whateverAComputationThrowsIsItsOwnFailure(Class<? extends Throwable> type) {
        api.submit("bad", BAD);
        api.submit("good", 1);

        start(values -> {
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
    void aResultThatTheDatabaseRefusesFailsItsAnalysisAlone() {
        api.submit("bad", BAD);
        api.submit("good", 1);

        start(values -> new Result(1, Double.NaN, 0, 0, 0, 0, 0, 0));

        awaitFailure("bad", "The database refused its result: the worker's log says why.");
        awaitStatus("good", "DONE");
    }

    @Test
    void aResultThatATriggerRefusesFailsItsAnalysisAlone() {
        database.sql("CREATE TRIGGER refuse BEFORE UPDATE ON analysis FOR EACH ROW"
                + " IF NEW.status = 'DONE' AND NEW.name = 'bad' THEN SIGNAL SQLSTATE '45000'; END IF").update();
        try {
            api.submit("bad", BAD);
            api.submit("good", 1);

            start(Statistics::of);

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
        doThrow(new BadSqlGrammarException("claim", "SELECT", new SQLException("denied", "42000"))).when(queue).claim(any());

        start(Statistics::of);

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
        api.submit("good", 1);

        start(Statistics::of);

        awaitStatus("good", "DONE");
    }

    @Test
    void valuesThatAreGoneFailTheirAnalysis() {
        api.submit("bad", BAD);
        database.sql("DELETE FROM analysis_values").update();

        start(Statistics::of);

        awaitFailure("bad", "Given up after 2 attempts. The stored values are gone.");
    }

    @Test
    void aLeaseIsRenewedWhileItsWorkerComputes() {
        api.submit("bad", BAD);
        start(values -> {
            Thread.sleep(LEASE.multipliedBy(2).toMillis());
            return Statistics.of(values);
        }, Duration.ofMinutes(1));

        awaitStatus("bad", "DONE");

        assertThat(count("attempts = 1")).isEqualTo(1);
    }

    @Test
    void aComputationThatTakesTooLongIsInterruptedAndFailsAlone() {
        api.submit("bad", BAD);
        api.submit("good", 1);

        start(values -> {
            Thread.sleep(600_000);
            return Statistics.of(values);
        });

        awaitFailure("bad", "It was not computed within 1 s.");
        awaitStatus("good", "DONE");
        assertThat(ends).hasValue(0);
    }

    @Test
    void aComputationThatNeverReturnsFailsAloneAndEndsItsWorker() {
        api.submit("bad", BAD);
        api.submit("good", 1);

        start(values -> {
            while (release.getCount() > 0) {
                Thread.onSpinWait();
            }
            return Statistics.of(values);
        });

        awaitFailure("bad", "It was not computed within 1 s.");
        await().atMost(Duration.ofMinutes(1)).until(() -> ends.get() == 1);
        awaitStatus("good", "DONE");
    }

    @Test
    void whatIsNotDoneInTheGracePeriodIsGivenBack() {
        api.submit("bad", BAD);
        start(values -> {
            release.await();
            return Statistics.of(values);
        }, Duration.ofMinutes(1));
        awaitStatus("bad", "RUNNING");

        worker.stop();

        assertThat(count("status = 'QUEUED' AND attempts = 0 AND lease_owner IS NULL")).isEqualTo(1);
    }

    @Test
    void suspectsAreComputedOneByOneBesideNothingElse() {
        for (int i = 0; i < 5; i++) {
            api.submit("suspect", BAD);
        }
        // Those of a version that claimed many at once, and raised the attempts of all.
        database.sql("UPDATE analysis SET status = 'RUNNING', attempts = 3, lease_owner = 'dead'").update();
        for (int i = 0; i < 20; i++) {
            api.submit("new", 1);
        }
        AtomicInteger beside = new AtomicInteger();

        start(values -> {
            beside.addAndGet(computing.get() - 1);
            Thread.sleep(20);
            beside.addAndGet(computing.get() - 1);
            return Statistics.of(values);
        });

        await().atMost(Duration.ofMinutes(1)).until(() -> count("status = 'DONE'") == 25);
        assertThat(beside).hasValue(0);
    }

    @Test
    void whatItsWorkerDidNotComeBackFromAloneIsGivenUp() {
        api.submit("bad", BAD);
        database.sql("UPDATE analysis SET status = 'RUNNING', attempts = 2, lease_owner = 'alone-dead'").update();

        start(Statistics::of);

        awaitFailure("bad", "Given up after 2 attempts: the last worker, which computed nothing else, did not come back from it.");
    }

    private void start(Computation ofBad) {
        start(ofBad, Duration.ofSeconds(1));
    }

    /** A worker of two threads that computes the bad analysis so, and the others as ever. */
    private void start(Computation ofBad, Duration timeLimit) {
        WorkerProperties properties =
                new WorkerProperties(2, LEASE, 2, timeLimit, Duration.ofMillis(1), Duration.ofMillis(10), Duration.ZERO);
        worker = new Worker(queue, properties, new WorkerMetrics(new SimpleMeterRegistry()), values -> {
            computing.incrementAndGet();
            try {
                return (values[0] == BAD ? ofBad : (Computation) Statistics::of).of(values);
            } finally {
                computing.decrementAndGet();
            }
        }, () -> {}, Duration.ofMillis(500), ends::incrementAndGet);
        worker.start();
    }

    private void awaitFailure(String name, String reason) {
        awaitStatus(name, "FAILED");
        assertThat(database.sql("SELECT failure FROM analysis WHERE name = :name").param("name", name).query(String.class).single())
                .isEqualTo(reason);
    }

    private void awaitStatus(String name, String status) {
        await().atMost(Duration.ofMinutes(1)).until(() -> count("name = '" + name + "' AND status = '" + status + "'") == 1);
    }

    private int count(String condition) {
        return database.sql("SELECT COUNT(*) FROM analysis WHERE " + condition).query(int.class).single();
    }
}
