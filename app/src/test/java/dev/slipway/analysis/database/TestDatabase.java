package dev.slipway.analysis.database;

import java.util.List;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/** What a test asks of the database itself. */
public class TestDatabase {

    private final JdbcClient jdbc;

    TestDatabase(DataSource root) {
        this.jdbc = JdbcClient.create(root);
    }

    public JdbcClient.StatementSpec sql(String sql) {
        return jdbc.sql(sql);
    }

    /** Empties a table, and by their foreign keys those that belong to it. */
    public void clear(String table) {
        sql("DELETE FROM " + table).update();
    }

    /** Everything that the user {@code app} asks the server during an action, from the server's general log. */
    public List<String> statementsOf(Runnable action) {
        sql("SET GLOBAL log_output = 'TABLE'").update();
        sql("TRUNCATE TABLE mysql.general_log").update();
        sql("SET GLOBAL general_log = ON").update();
        try {
            action.run();
        } finally {
            sql("SET GLOBAL general_log = OFF").update();
        }
        return sql("SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE user_host LIKE 'app[%' ORDER BY event_time")
                .query(String.class).list();
    }

    /** How many rows, of tables and of indexes, the user {@code app} makes the server read during the second of two equal actions. */
    public long rowsReadIn(Runnable action) {
        sql("SET GLOBAL userstat = ON").update(); // By each connection from its next statement on.
        try {
            action.run();
            sql("FLUSH USER_STATISTICS").update();
            action.run();
        } finally {
            sql("SET GLOBAL userstat = OFF").update();
        }
        return sql("SELECT ROWS_READ FROM information_schema.USER_STATISTICS WHERE USER = 'app'").query(long.class).single();
    }
}
