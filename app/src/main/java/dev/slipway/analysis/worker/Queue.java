package dev.slipway.analysis.worker;

import dev.slipway.analysis.analyses.Result;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.springframework.context.annotation.Profile;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;
import org.springframework.transaction.annotation.Transactional;

/**
 * The table {@code analysis} as a queue that any number of workers share. A claim is a lease: the row belongs to its
 * owner until {@code due_at}, and then to whoever takes it next. All times are the database's, so that the clocks of
 * the workers need not agree.
 */
@Repository
@Profile("worker")
class Queue {

    private final JdbcClient jdbc;

    Queue(JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    /** Claims the analyses that are due longest, none that another worker is claiming, and waits for no lock. */
    @Transactional
    public List<Job> claim(String owner, int limit, Duration lease) {
        // Any plan but reading the index in its order would lock rows that are not taken. And one locking read for all:
        // a plain one after it may have an older view, and miss the values of what was just submitted.
        List<Job> jobs = jdbc.sql("""
                        SELECT id, attempts + 1 AS attempt, status = 'RUNNING' AS lease_expired, doubles
                        FROM analysis FORCE INDEX (queue) STRAIGHT_JOIN analysis_values ON analysis_id = id
                        WHERE due_at <= UTC_TIMESTAMP(6)
                        ORDER BY due_at
                        LIMIT :limit
                        FOR UPDATE SKIP LOCKED
                        """)
                .param("limit", limit)
                .query((row, number) -> new Job(
                        uuid(row.getBytes("id")),
                        row.getInt("attempt"),
                        row.getBoolean("lease_expired"),
                        row.getBytes("doubles")))
                .list();
        if (!jobs.isEmpty()) {
            jdbc.sql("""
                            UPDATE analysis
                            SET status = 'RUNNING', attempts = attempts + 1, lease_owner = :owner,
                                started_at = UTC_TIMESTAMP(6), due_at = UTC_TIMESTAMP(6) + INTERVAL :lease MICROSECOND
                            WHERE id IN (:ids)
                            """)
                    .param("owner", owner)
                    .param("lease", microseconds(lease))
                    .param("ids", jobs.stream().map(job -> bytes(job.id())).toList())
                    .update();
        }
        return jobs;
    }

    /**
     * Writes the outcomes down, except of analyses whose lease another worker took over or that were deleted.
     *
     * @return those written down
     */
    @Transactional
    public List<Outcome> finish(String owner, List<Outcome> outcomes) {
        return outcomes.stream()
                .filter(outcome -> statement(outcome)
                                .param("id", bytes(outcome.id()))
                                .param("owner", owner)
                                .update()
                        == 1)
                .toList();
    }

    private JdbcClient.StatementSpec statement(Outcome outcome) {
        if (outcome instanceof Outcome.Done done) {
            Result result = done.result();
            return jdbc.sql("""
                            UPDATE analysis
                            SET status = 'DONE', finished_at = UTC_TIMESTAMP(6), due_at = NULL, lease_owner = NULL,
                                count = :count, mean = :mean, standard_deviation = :standardDeviation,
                                min = :min, max = :max, p50 = :p50, p95 = :p95, p99 = :p99
                            WHERE id = :id AND lease_owner = :owner
                            """)
                    .param("count", result.count())
                    .param("mean", result.mean())
                    .param("standardDeviation", result.standardDeviation())
                    .param("min", result.min())
                    .param("max", result.max())
                    .param("p50", result.p50())
                    .param("p95", result.p95())
                    .param("p99", result.p99());
        }
        if (outcome instanceof Outcome.Retry retry) {
            return jdbc.sql("""
                            UPDATE analysis
                            SET status = 'QUEUED', lease_owner = NULL,
                                due_at = UTC_TIMESTAMP(6) + INTERVAL :delay MICROSECOND
                            WHERE id = :id AND lease_owner = :owner
                            """)
                    .param("delay", microseconds(retry.delay()));
        }
        return jdbc.sql("""
                        UPDATE analysis
                        SET status = 'FAILED', finished_at = UTC_TIMESTAMP(6), due_at = NULL, lease_owner = NULL,
                            failure = :reason
                        WHERE id = :id AND lease_owner = :owner
                        """)
                .param("reason", ((Outcome.Failed) outcome).reason());
    }

    /** Gives back what the owner has claimed and not finished, as though it had never been claimed. */
    @Transactional
    public int giveBack(String owner, List<UUID> ids) {
        return jdbc.sql("""
                        UPDATE analysis
                        SET status = 'QUEUED', attempts = attempts - 1, lease_owner = NULL, due_at = UTC_TIMESTAMP(6)
                        WHERE id IN (:ids) AND lease_owner = :owner
                        """)
                .param("ids", ids.stream().map(Queue::bytes).toList())
                .param("owner", owner)
                .update();
    }

    private static long microseconds(Duration duration) {
        return duration.toNanos() / 1000;
    }

    private static byte[] bytes(UUID id) {
        return ByteBuffer.allocate(16)
                .putLong(id.getMostSignificantBits())
                .putLong(id.getLeastSignificantBits())
                .array();
    }

    private static UUID uuid(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        return new UUID(buffer.getLong(), buffer.getLong());
    }
}
