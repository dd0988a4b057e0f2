package dev.slipway.analysis.worker;

import dev.slipway.analysis.worker.Job.Outcome;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Profile;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * A table as a queue that any number of workers share. A claim is a lease of one row: it belongs to its owner until {@code due_at}, and then to
 * whoever takes it next. All times are the database's, so that the clocks of the workers need not agree.
 *
 * <p>A row whose lease ended is a suspect: it may have ended its worker, or have been beside one that did. Who takes it must compute it alone in its
 * process; only a worker that ended while it did so is counted against the row.
 */
@Repository
@Profile("worker")
class Queue {

    /** Which attempt a claim is: a suspect's is the one that was not ended, unless it was computed alone. */
    private static final String ATTEMPT = "IF({name}.status = 'RUNNING' AND {name}.lease_owner NOT LIKE 'alone-%',"
            + " GREATEST({name}.attempts, 1), {name}.attempts + 1)";

    private final JdbcClient jdbc;
    private final QueueTable table;
    private final TransactionTemplate transaction;

    @Autowired
    Queue(JdbcClient jdbc, JobHandler handler, PlatformTransactionManager transactions) {
        this(jdbc, handler.table(), transactions);
    }

    Queue(JdbcClient jdbc, QueueTable table, PlatformTransactionManager transactions) {
        this.jdbc = jdbc;
        this.table = table;
        this.transaction = new TransactionTemplate(transactions);
    }

    /**
     * Claims the oldest jobs that are due and that no other worker is claiming, and waits for no lock.
     *
     * @param most so many of them, or fewer: their inputs together are no larger than one may be
     */
    List<Job> claim(int most, Duration lease) {
        return claim("QUEUED", "worker-", most, lease);
    }

    /** How many jobs of the size of these may be claimed at once: what is read beyond that is read for nothing. */
    long fitting(List<Job> jobs) {
        long bytes = jobs.stream().map(Job::input).filter(Objects::nonNull).mapToLong(input -> input.length).sum();
        return table.largestInput() * jobs.size() / Math.max(bytes, 1);
    }

    /** Claims the oldest suspect, for a worker that computes nothing else meanwhile. */
    Optional<Job> claimSuspect(Duration lease) {
        return claim("RUNNING", "alone-", 1, lease).stream().findFirst();
    }

    boolean hasSuspects() {
        return sql("SELECT EXISTS (SELECT 1 FROM {name} FORCE INDEX (by_status_and_creation)"
                        + " WHERE status = 'RUNNING' AND due_at <= UTC_TIMESTAMP(6))")
                .query(Boolean.class)
                .single();
    }

    private List<Job> claim(String status, String role, int most, Duration lease) {
        String owner = role + UUID.randomUUID();
        return transaction.execute(tx -> {
            // Any plan but reading the index in its order would lock rows that are not taken.
            List<Job> claimed = sql("""
                            SELECT {name}.id, {inputs}.{input} AS input, COALESCE({name}.lease_owner LIKE 'alone-%', FALSE) AS ended_its_worker,
                                {attempt} AS attempt
                            FROM {name} FORCE INDEX (by_status_and_creation)
                                LEFT JOIN {inputs} ON {inputs}.{reference} = {name}.id
                            WHERE {name}.status = :status AND {name}.due_at <= UTC_TIMESTAMP(6)
                            ORDER BY {name}.created_at, {name}.id
                            LIMIT :most
                            FOR UPDATE SKIP LOCKED
                            """.replace("{attempt}", ATTEMPT))
                    .withFetchSize(1) // So that no more of the inputs is in memory than is taken.
                    .param("status", status)
                    .param("most", most)
                    .query(rows -> {
                        List<Job> jobs = new ArrayList<>();
                        long bytes = 0;
                        while (rows.next()) {
                            byte[] input = rows.getBytes("input");
                            bytes += input == null ? 0 : input.length;
                            if (!jobs.isEmpty() && bytes > table.largestInput()) {
                                break;
                            }
                            jobs.add(new Job(uuid(rows.getBytes("id")), owner, rows.getInt("attempt"), rows.getBoolean("ended_its_worker"), input));
                        }
                        return jobs;
                    });
            if (!claimed.isEmpty()) {
                sql("""
                            UPDATE {name} FORCE INDEX (PRIMARY) SET attempts = {attempt}, status = 'RUNNING', lease_owner = :owner,
                                started_at = UTC_TIMESTAMP(6), due_at = UTC_TIMESTAMP(6) + INTERVAL :lease MICROSECOND
                            WHERE id IN (:ids)
                            """.replace("{attempt}", ATTEMPT))
                        .param("owner", owner)
                        .param("lease", microseconds(lease))
                        .param("ids", claimed.stream().map(job -> bytes(job.id())).toList())
                        .update();
            }
            return claimed;
        });
    }

    /** Lets the claim last for another lease, and says whether it still was the owner's. */
    boolean renew(Job job, Duration lease) {
        return update(job, set("due_at = UTC_TIMESTAMP(6) + INTERVAL :lease MICROSECOND").param("lease", microseconds(lease)));
    }

    /** Gives the claim back, as though it had never been made, and says whether it still was the owner's. */
    boolean giveBack(Job job) {
        return update(job, set("status = 'QUEUED', attempts = attempts - 1, lease_owner = NULL, due_at = UTC_TIMESTAMP(6)"));
    }

    /**
     * Writes the outcome down, and removes the input, which nobody reads any more.
     *
     * @return false, with nothing written, if another worker has taken the job over or it was deleted
     */
    boolean finish(Job job, Outcome outcome) {
        return finish(Map.of(job, outcome)).isEmpty();
    }

    /** Writes the outcomes of several down, or, with an exception, none, and gives those back that were not the owner's any more. */
    Set<Job> finish(Map<Job, Outcome> outcomes) {
        return transaction.execute(tx -> {
            Set<Job> lost = new HashSet<>();
            List<byte[]> over = new ArrayList<>();
            outcomes.forEach((job, outcome) -> {
                if (!update(job, statement(outcome))) {
                    lost.add(job);
                } else if (!(outcome instanceof Outcome.Retry)) {
                    over.add(bytes(job.id()));
                }
            });
            if (!over.isEmpty()) {
                sql("DELETE {inputs} FROM {inputs} FORCE INDEX (PRIMARY) WHERE {reference} IN (:ids)").param("ids", over).update();
            }
            return lost;
        });
    }

    private JdbcClient.StatementSpec statement(Outcome outcome) {
        if (outcome instanceof Outcome.Retry retry) {
            return set("status = 'QUEUED', lease_owner = NULL, due_at = UTC_TIMESTAMP(6) + INTERVAL :delay MICROSECOND")
                    .param("delay", microseconds(retry.delay()));
        }
        String end = "finished_at = UTC_TIMESTAMP(6), due_at = NULL, lease_owner = NULL, status = ";
        if (outcome instanceof Outcome.Failed failed) {
            return set(end + "'FAILED', failure = :reason").param("reason", failed.reason());
        }
        Map<String, Object> columns = new TreeMap<>(((Outcome.Done) outcome).columns()); // One order, and so one text of the statement.
        JdbcClient.StatementSpec done = set(end + "'DONE'" + columns.keySet().stream()
                .map(column -> ", `%s` = :result_%s".formatted(column, column))
                .collect(Collectors.joining()));
        columns.forEach((column, value) -> done.param("result_" + column, value));
        return done;
    }

    private JdbcClient.StatementSpec set(String values) {
        return sql("UPDATE {name} SET " + values + " WHERE id = :id AND lease_owner = :owner");
    }

    private boolean update(Job job, JdbcClient.StatementSpec statement) {
        return transaction.execute(tx -> statement.param("id", bytes(job.id())).param("owner", job.owner()).update() == 1);
    }

    /** A statement with the table's names in it. */
    JdbcClient.StatementSpec sql(String statement) {
        return jdbc.sql(table.sql(statement));
    }

    private static long microseconds(Duration duration) {
        return duration.toNanos() / 1000;
    }

    private static byte[] bytes(UUID id) {
        return ByteBuffer.allocate(16).putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits()).array();
    }

    private static UUID uuid(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        return new UUID(buffer.getLong(), buffer.getLong());
    }
}
