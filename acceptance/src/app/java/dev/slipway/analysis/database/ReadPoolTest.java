package dev.slipway.analysis.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.analysis.ServiceTest;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

@ServiceTest
class ReadPoolTest {

    @Autowired
    @Qualifier("reads")
    JdbcClient reads;

    @Autowired
    JdbcClient jdbc;

    @Autowired
    PlatformTransactionManager transactions;

    @Test
    void itWritesNothing() {
        assertThatThrownBy(() -> reads.sql("DELETE FROM analysis").update()).hasMessageContaining("READ ONLY");
    }

    @Test
    void whatIsNotQualifiedWritesAsBefore() {
        new TransactionTemplate(transactions).executeWithoutResult(status -> {
            status.setRollbackOnly();
            assertThat(jdbc.sql("DELETE FROM analysis WHERE id = 0x00").update()).isZero();
        });
    }
}
