package dev.slipway.analysis.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.database.TestDatabase;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.transaction.PlatformTransactionManager;

@ServiceTest
@Import(Errands.class)
class RetentionTest {

    @Autowired
    Queue queue;

    @Autowired
    PlatformTransactionManager transactions;

    @Autowired
    Errands errands;

    @Autowired
    TestDatabase database;

    @AfterEach
    void cleanUp() {
        errands.clear();
    }

    @Test
    void whatFinishedLongAgoIsRemovedInBatchesAndNothingElse() {
        for (int day = 28; day < 33; day++) {
            insert("old", "DONE", 100, day);
            insert("old", "FAILED", 10, day);
        }
        insert("slow", "DONE", 1, 1); // Submitted long ago, and finished of late.
        database.sql("UPDATE errand SET created_at = created_at - INTERVAL 40 DAY WHERE name = 'slow'").update();
        errands.submit("waiting", 1);
        database.sql("UPDATE errand SET created_at = created_at - INTERVAL 40 DAY WHERE name = 'waiting'").update();

        assertThat(retention().remove(Duration.ZERO)).isZero();
        assertThat(retention().remove(Duration.ofDays(30))).isEqualTo(330);

        assertThat(database.sql("SELECT MAX(TIMESTAMPDIFF(DAY, finished_at, UTC_TIMESTAMP(6))) FROM errand").query(int.class).single())
                .isLessThan(30);
        assertThat(database.sql("SELECT COUNT(*) FROM errand WHERE name = 'old'").query(int.class).single()).isEqualTo(220);
        assertThat(database.sql("SELECT name FROM errand WHERE name <> 'old' ORDER BY name").query(String.class).list())
                .containsExactly("slow", "waiting");
    }

    @Test
    void inputThatAnEarlierVersionKeptOfWhatIsFinishedGoes() {
        errands.submit("waiting", 1);
        insert("finished", "DONE", 250, 0);
        database.sql("INSERT INTO errand_input SELECT id, REPEAT('1', 8) FROM errand WHERE name = 'finished'").update();

        retention().remove(Duration.ZERO);

        assertThat(database.sql("SELECT name FROM errand JOIN errand_input ON errand_id = id").query(String.class).list())
                .containsExactly("waiting");
        assertThat(database.sql("SELECT COUNT(*) FROM errand").query(int.class).single()).isEqualTo(251);
    }

    private Retention retention() {
        return new Retention(queue, transactions);
    }

    private void insert(String name, String status, int count, int daysAgo) {
        database.sql("INSERT INTO errand (id, name, status, created_at, finished_at, due_at)"
                        + " SELECT UNHEX(MD5(UUID())), :name, :status, UTC_TIMESTAMP(6) - INTERVAL :days DAY,"
                        + " UTC_TIMESTAMP(6) - INTERVAL :days DAY, NULL FROM seq_1_to_" + count)
                .param("name", name)
                .param("status", status)
                .param("days", daysAgo)
                .update();
    }
}
