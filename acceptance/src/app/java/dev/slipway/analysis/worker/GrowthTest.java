package dev.slipway.analysis.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import dev.slipway.analysis.worker.Job.Outcome;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.core.task.SyncTaskExecutor;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/** A table that keeps what is finished grows; what the queue reads of it does not. */
@ServiceTest
@Import(Errands.class)
class GrowthTest {

    private static final Duration LEASE = Duration.ofSeconds(30);
    private static final Map<String, Object> RESULT = Map.of("answer", 2);

    @Autowired
    Queue queue;

    @Autowired
    JdbcClient jdbc;

    @Autowired
    PlatformTransactionManager transactions;

    @Autowired
    Errands errands;

    @Autowired
    TestDatabase database;

    @AfterEach
    void cleanUp() {
        database.sql("SET GLOBAL userstat = OFF").update();
        database.sql("SET STATEMENT foreign_key_checks = 0 FOR TRUNCATE errand").update();
    }

    @Test
    void theQueueReadsTheSameRowsHoweverManyAreFinished() {
        Map<String, Long> few = rowsRead(10_000);
        assertSame(few, rowsRead(300_000));
        if (System.getProperty("longer") != null) {
            assertSame(few, rowsRead(5_000_000));
        } else {
            System.out.println("SKIPPED: 5,000,000 rows in GrowthTest, for their time: mvn verify -Dlonger asks for them");
        }
    }

    private static void assertSame(Map<String, Long> few, Map<String, Long> many) {
        assertThat(few.values()).allMatch(rows -> rows > 0 && rows < 500);
        assertThat(many).containsAllEntriesOf(few);
    }

    /** What each call reads, when so many are finished and always as many wait. */
    private Map<String, Long> rowsRead(int finished) {
        database.sql("INSERT INTO errand (id, name, status, created_at, finished_at, due_at)"
                        + " SELECT UNHEX(LPAD(HEX(seq), 32, '0')), 'finished', IF(seq MOD 10, 'DONE', 'FAILED'),"
                        + " UTC_TIMESTAMP(6) - INTERVAL seq MICROSECOND, UTC_TIMESTAMP(6), NULL FROM seq_1_to_5000000"
                        + " WHERE seq > (SELECT COUNT(*) FROM errand) AND seq <= " + finished)
                .update();
        for (int i = 0; i < 50; i++) {
            errands.submit("waiting", 1);
        }
        database.sql("ANALYZE TABLE errand, errand_input").query().listOfRows();

        Map<String, Long> rows = new LinkedHashMap<>();
        List<Job> claimed = queue.claim(1, LEASE);
        rows.put("claim", read(() -> claimed.addAll(queue.claim(8, LEASE))));
        rows.put("renew", read(() -> queue.renew(claimed.get(0), LEASE)));
        rows.put("give back", read(() -> queue.giveBack(claimed.get(0))));
        rows.put("finish", read(() -> queue.finish(claimed.get(1), new Outcome.Done(RESULT))));
        rows.put("finish together", read(() ->
                queue.finish(claimed.stream().skip(2).collect(Collectors.toMap(job -> job, job -> new Outcome.Failed("for a test"))))));
        queue.claim(1, Duration.ZERO);
        rows.put("look for suspects", read(queue::hasSuspects));
        rows.put("metrics", read(() -> new QueueMetrics(jdbc, new ErrandHandler(), new SyncTaskExecutor()).backlog()));
        rows.put("claim a suspect", read(() -> queue.claimSuspect(LEASE)));
        database.sql("INSERT INTO errand (id, name, status, created_at, finished_at, due_at) SELECT UNHEX(MD5(UUID())), 'old', 'DONE',"
                + " UTC_TIMESTAMP(6) - INTERVAL 40 DAY, UTC_TIMESTAMP(6) - INTERVAL 40 DAY, NULL FROM seq_1_to_150").update();
        // The 150 twice, and what waits once or twice: 342 and 384 were seen.
        assertThat(read(() -> new Retention(queue, transactions).remove(Duration.ofDays(30)))).isBetween(300L, 400L);

        database.sql("DELETE FROM errand WHERE name <> 'finished'").update();
        return rows;
    }

    private long read(Runnable call) {
        database.sql("SET GLOBAL userstat = ON").update();
        database.sql("FLUSH TABLE_STATISTICS").update();
        call.run();
        return database.sql("SELECT SUM(rows_read) FROM information_schema.table_statistics WHERE table_name IN ('errand', 'errand_input')")
                .query(long.class).single();
    }

    private record ErrandHandler() implements JobHandler {

        @Override
        public QueueTable table() {
            return Errands.TABLE;
        }

        @Override
        public long footprint() {
            return 8;
        }

        @Override
        public Map<String, Object> handle(byte[] input) {
            return Errands.answer(input);
        }
    }
}
