package dev.slipway.analysis.worker;

import java.time.Duration;
import java.util.List;
import java.util.function.IntSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Profile;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * Removes jobs that finished long ago, and inputs of finished jobs, which an earlier version kept. Replicas that do so at once take different rows.
 */
@Component
@Profile("worker")
class Retention {

    private static final Logger log = LoggerFactory.getLogger(Retention.class);
    private static final int BATCH = 100;

    private final JdbcClient jdbc;
    private final QueueTable table;
    private final TransactionTemplate transaction;
    private final Duration age;

    @Autowired
    Retention(JdbcClient jdbc, JobHandler handler, PlatformTransactionManager transactions, WorkerProperties properties) {
        this(jdbc, handler.table(), transactions, properties.retention());
    }

    /** @param age how long ago what is removed finished; zero removes nothing */
    Retention(JdbcClient jdbc, QueueTable table, PlatformTransactionManager transactions, Duration age) {
        this.jdbc = jdbc;
        this.table = table;
        this.transaction = new TransactionTemplate(transactions);
        this.age = age;
    }

    /** Removes all that is old enough, in batches, and says how many jobs that were. */
    int remove() {
        inBatches(this::removeInputs);
        if (age.isZero()) {
            return 0;
        }
        int removed = inBatches(() -> removeFinished("DONE")) + inBatches(() -> removeFinished("FAILED"));
        if (removed > 0) {
            log.info("Removed {} jobs that finished more than {} days ago", removed, age.toDays());
        }
        return removed;
    }

    private int inBatches(IntSupplier batch) {
        int sum = 0;
        int removed;
        do {
            removed = transaction.execute(tx -> batch.getAsInt());
            sum += removed;
        } while (removed > 0 && !Thread.currentThread().isInterrupted());
        return sum;
    }

    /** Without a lock on the input of what waits, which a claim would not see then. */
    private int removeInputs() {
        return delete("{inputs} WHERE {reference}", sql("""
                        SELECT {inputs}.{reference} FROM {inputs} STRAIGHT_JOIN {name} ON {name}.id = {inputs}.{reference}
                        WHERE {name}.due_at IS NULL
                        LIMIT :batch
                        """));
    }

    private int removeFinished(String status) {
        return delete("{name} WHERE id", sql("""
                        SELECT id FROM {name} FORCE INDEX (by_status_and_creation)
                        WHERE status = :status AND created_at < UTC_TIMESTAMP(6) - INTERVAL :age SECOND
                            AND finished_at < UTC_TIMESTAMP(6) - INTERVAL :age SECOND
                        ORDER BY created_at, id
                        LIMIT :batch
                        FOR UPDATE SKIP LOCKED
                        """)
                .param("status", status)
                .param("age", age.toSeconds()));
    }

    private int delete(String rows, JdbcClient.StatementSpec which) {
        List<byte[]> ids = which.param("batch", BATCH).query((row, number) -> row.getBytes(1)).list();
        return ids.isEmpty() ? 0 : sql("DELETE FROM " + rows + " IN (:ids)").param("ids", ids).update();
    }

    private JdbcClient.StatementSpec sql(String statement) {
        return jdbc.sql(table.sql(statement));
    }
}
