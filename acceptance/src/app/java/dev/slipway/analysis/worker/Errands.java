package dev.slipway.analysis.worker;

import dev.slipway.analysis.database.TestDatabase;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.UUID;
import org.springframework.boot.sql.init.dependency.DependsOnDatabaseInitialization;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/** A queue of the tests' own, without the worker that would empty it: an errand has a number, and its answer is twice that. */
@TestConfiguration(proxyBeanMethods = false)
@DependsOnDatabaseInitialization
class Errands {

    static final QueueTable TABLE = new QueueTable("errand", "errand_input", "errand_id", "number", 8);

    private final TestDatabase database;

    Errands(TestDatabase database) {
        this.database = database;
        database.sql("DROP TABLE IF EXISTS errand_input, errand").update();
        database.sql("""
                        CREATE TABLE errand (
                            id          BINARY(16)   NOT NULL PRIMARY KEY,
                            name        VARCHAR(200) NOT NULL,
                            status      ENUM('QUEUED', 'RUNNING', 'DONE', 'FAILED') NOT NULL,
                            created_at  DATETIME(6)  NOT NULL,
                            started_at  DATETIME(6),
                            finished_at DATETIME(6),
                            failure     VARCHAR(500) CHARACTER SET utf8mb4,
                            due_at      DATETIME(6)  DEFAULT (UTC_TIMESTAMP(6)),
                            lease_owner VARCHAR(100),
                            attempts    TINYINT UNSIGNED NOT NULL DEFAULT 0,
                            answer      DOUBLE,
                            KEY queue (due_at),
                            KEY by_status_and_creation (status, created_at, id)
                        )
                        """)
                .update();
        database.sql("""
                        CREATE TABLE errand_input (
                            errand_id BINARY(16)   NOT NULL PRIMARY KEY,
                            number    VARBINARY(8) NOT NULL,
                            FOREIGN KEY (errand_id) REFERENCES errand (id) ON DELETE CASCADE
                        )
                        """)
                .update();
    }

    @Bean
    Queue errandQueue(JdbcClient jdbc, PlatformTransactionManager transactions) {
        return new Queue(jdbc, TABLE, transactions);
    }

    static Map<String, Object> answer(byte[] number) {
        return Map.of("answer", 2 * number(number));
    }

    static int number(byte[] input) {
        return Integer.parseInt(new String(input, StandardCharsets.US_ASCII));
    }

    UUID submit(String name, int number) {
        UUID id = UUID.randomUUID();
        byte[] bytes = ByteBuffer.allocate(16).putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits()).array();
        database.sql("INSERT INTO errand (id, name, status, created_at, due_at) VALUES (:id, :name, 'QUEUED', UTC_TIMESTAMP(6), NULL)")
                .param("id", bytes)
                .param("name", name)
                .update();
        database.sql("INSERT INTO errand_input VALUES (:id, :number)").param("id", bytes).param("number", number).update();
        database.sql("UPDATE errand SET due_at = UTC_TIMESTAMP(6) WHERE id = :id").param("id", bytes).update();
        return id;
    }

    void clear() {
        database.sql("DELETE FROM errand").update();
    }

    int count(String condition) {
        return database.sql("SELECT COUNT(*) FROM errand WHERE " + condition).query(int.class).single();
    }

    String status(UUID id) {
        return database.sql("SELECT status FROM errand WHERE id = UNHEX(:id)")
                .param("id", id.toString().replace("-", ""))
                .query(String.class)
                .single();
    }
}
