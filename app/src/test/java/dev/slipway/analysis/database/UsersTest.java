package dev.slipway.analysis.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.analysis.ServiceTest;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;

@ServiceTest
class UsersTest {

    @Autowired
    DataSource dataSource;

    @Test
    void theServiceConnectsAsApp() {
        assertThat(JdbcClient.create(dataSource).sql("SELECT CURRENT_USER()").query(String.class).single())
                .startsWith("app@");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "CREATE TABLE intruder (id INT)",
                "ALTER TABLE analysis ADD COLUMN intruder INT",
                "DROP TABLE analysis_values",
                "TRUNCATE TABLE analysis_values",
                "CREATE INDEX intruder ON analysis (failure)",
                "CREATE VIEW intruder AS SELECT 1",
                "CREATE USER intruder",
                "GRANT ALL ON app.* TO app@'%'",
                "SELECT * FROM mysql.user"
            })
    void appMayNeitherChangeTheSchemaNorSeeOthers(String sql) {
        assertThatThrownBy(() -> JdbcClient.create(dataSource).sql(sql).query().listOfRows())
                .rootCause()
                .hasMessageContaining("denied");
    }
}
