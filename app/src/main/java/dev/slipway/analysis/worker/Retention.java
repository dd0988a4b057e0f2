package dev.slipway.analysis.worker;

import java.time.Duration;
import java.util.List;
import java.util.function.IntSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.annotation.Profile;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** Removes jobs that finished long ago, and inputs that an earlier version kept of finished ones. Replicas that do so at once take different rows. */
@Component
@Profile("worker")
class Retention {

    private static final Logger log = LoggerFactory.getLogger(Retention.class);
    private static final int BATCH = 100;

    private final Queue queue;
    private final TransactionTemplate transaction;

    Retention(Queue queue, PlatformTransactionManager transactions) {
        this.queue = queue;
        this.transaction = new TransactionTemplate(transactions);
    }

    /**
     * Removes all that is old enough, in batches, and says how many jobs that were.
     *
     * @param age how long ago what is removed finished; zero removes no job
     */
    int remove(Duration age) {
        inBatches(this::removeInputs);
        if (age.isZero()) {
            return 0;
        }
        int removed = inBatches(() -> removeFinished("DONE", age)) + inBatches(() -> removeFinished("FAILED", age));
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
        return delete("{inputs} WHERE {reference}", queue.sql("""
                        SELECT {inputs}.{reference} FROM {inputs} STRAIGHT_JOIN {name} ON {name}.id = {inputs}.{reference}
                        WHERE {name}.due_at IS NULL
                        LIMIT :batch
                        """));
    }

    private int removeFinished(String status, Duration age) {
        return delete("{name} WHERE id", queue.sql("""
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
        return ids.isEmpty() ? 0 : queue.sql("DELETE FROM " + rows + " IN (:ids)").param("ids", ids).update();
    }
}
