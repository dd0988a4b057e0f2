package dev.slipway.analysis.worker;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.TimeGauge;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.springframework.context.annotation.Profile;
import org.springframework.core.task.TaskExecutor;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;

/**
 * What waits for a worker, told by the role that is there when no worker is. The database is asked when somebody reads
 * the gauges, at most once in {@link #FRESH}, and beside the reader: a database that hangs must not take the other
 * metrics along. So a reader sees what was true at the reading before, and NaN while the database does not answer.
 */
@Component
@Profile("web")
class QueueMetrics implements MeterBinder {

    private static final Duration FRESH = Duration.ofSeconds(5);

    private static final Backlog UNKNOWN = new Backlog(Double.NaN, Double.NaN, Double.NaN, Double.NaN);

    private final JdbcClient jdbc;
    private final QueueTable table;
    private final TaskExecutor executor;
    private final AtomicBoolean asking = new AtomicBoolean();
    private volatile Backlog backlog = UNKNOWN;
    private volatile long asked = System.nanoTime() - FRESH.toNanos();

    /**
     * @param unfinished how many have no outcome, whether they are due or not
     * @param bytes what their inputs take on disk, as the database estimates it
     */
    record Backlog(double depth, double oldestMicroseconds, double unfinished, double bytes) {}

    QueueMetrics(JdbcClient jdbc, JobHandler handler, TaskExecutor executor) {
        this.jdbc = jdbc;
        this.table = handler.table();
        this.executor = executor;
    }

    @Override
    public void bindTo(MeterRegistry meters) {
        Gauge.builder("queue.depth", () -> backlog().depth).description("Jobs that a worker may take now, counted to 100,000").register(meters);
        TimeGauge.builder("queue.oldest", () -> backlog().oldestMicroseconds, TimeUnit.MICROSECONDS)
                .description("How long ago the oldest of them was submitted").register(meters);
    }

    Backlog backlog() {
        if (System.nanoTime() - asked >= FRESH.toNanos() && asking.compareAndSet(false, true)) {
            executor.execute(this::ask);
        }
        return backlog;
    }

    private void ask() {
        try {
            backlog = jdbc.sql(table.sql("""
                            SELECT
                                (SELECT COUNT(*) FROM (SELECT 1 FROM {name} WHERE due_at <= UTC_TIMESTAMP(6) LIMIT 100000) AS due) AS depth,
                                COALESCE(TIMESTAMPDIFF(MICROSECOND, MIN(created_at), UTC_TIMESTAMP(6)), 0) AS oldest,
                                (SELECT COUNT(*) FROM {name} WHERE due_at IS NOT NULL) AS unfinished,
                                (SELECT data_length FROM information_schema.tables
                                 WHERE table_schema = DATABASE() AND table_name = '{inputs}') AS bytes
                            FROM (
                                (SELECT created_at FROM {name} FORCE INDEX (by_status_and_creation)
                                 WHERE status = 'QUEUED' AND due_at <= UTC_TIMESTAMP(6) ORDER BY created_at LIMIT 1)
                                UNION ALL
                                (SELECT created_at FROM {name} FORCE INDEX (by_status_and_creation)
                                 WHERE status = 'RUNNING' AND due_at <= UTC_TIMESTAMP(6) ORDER BY created_at LIMIT 1)
                            ) AS first
                            """))
                    .query((row, number) -> new Backlog(
                            row.getDouble("depth"), row.getDouble("oldest"), row.getDouble("unfinished"),
                            // The estimate also counts what is deleted and not yet purged.
                            Math.min(row.getDouble("bytes"), row.getDouble("unfinished") * table.largestInput())))
                    .single();
        } catch (DataAccessException e) {
            backlog = UNKNOWN;
        } finally {
            asked = System.nanoTime();
            asking.set(false);
        }
    }
}
