package dev.slipway.analysis.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.analysis.ServiceTest;
import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;

@ServiceTest
class UsersTest {

    @Autowired
    DataSource dataSource;

    @Autowired
    TestDatabase database;

    @Test
    void theServiceConnectsAsApp() {
        assertThat(JdbcClient.create(dataSource).sql("SELECT CURRENT_USER()").query(String.class).single())
                .startsWith("app@");
    }

    @Test
    void appMayCallProceduresAndMakeTemporaryTables() throws SQLException {
        database.sql("CREATE OR REPLACE PROCEDURE answer() SELECT 42").update();
        try (Connection connection = dataSource.getConnection()) {
            JdbcClient app = JdbcClient.create(new SingleConnectionDataSource(connection, true));

            assertThat(app.sql("CALL answer()").query(Integer.class).single()).isEqualTo(42);
            app.sql("CREATE TEMPORARY TABLE ids (id INT)").update();
            app.sql("INSERT INTO ids VALUES (1)").update();
            app.sql("DROP TEMPORARY TABLE ids").update();
        } finally {
            database.sql("DROP PROCEDURE answer").update();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "CREATE TABLE intruder (id INT)",
                "ALTER TABLE {table} ADD COLUMN intruder INT",
                "DROP TABLE {table}",
                "TRUNCATE TABLE {table}",
                "CREATE INDEX intruder ON {table} (id)",
                "CREATE VIEW intruder AS SELECT 1",
                "CREATE USER intruder",
                "GRANT ALL ON app.* TO app@'%'",
                "DELETE FROM flyway_schema_history",
                "UPDATE flyway_schema_history SET checksum = 0",
                "INSERT INTO flyway_schema_history SELECT installed_rank + 1, version, description, type, script, checksum,"
                        + " installed_by, installed_on, execution_time, success FROM flyway_schema_history",
                "SELECT * FROM mysql.user"
            })
    void appMayNeitherChangeTheSchemaNorItsHistoryNorSeeOthers(String sql) {
        String table = database.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'app' AND table_name <> 'flyway_schema_history'")
                .query(String.class)
                .list().get(0); // One that is there: what is not is denied, too.

        assertThatThrownBy(() -> JdbcClient.create(dataSource).sql(sql.replace("{table}", table)).query().listOfRows())
                .rootCause()
                .hasMessageContaining("denied");
    }
}
