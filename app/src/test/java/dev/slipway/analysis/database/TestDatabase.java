package dev.slipway.analysis.database;

import static org.awaitility.Awaitility.await;

import java.util.List;
import java.util.stream.LongStream;
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

    /**
     * How many rows, of tables and of indexes, the user {@code app} makes the server read during an action that ran before: the least of three
     * times, since a worker may ask meanwhile.
     */
    public long rowsReadIn(Runnable action) {
        sql("SET GLOBAL userstat = ON").update(); // By each connection from its next statement on.
        try {
            action.run();
            return LongStream.generate(() -> {
                long before = rowsRead();
                action.run();
                return rowsRead() - before;
            }).limit(3).min().getAsLong();
        } finally {
            sql("SET GLOBAL userstat = OFF").update();
        }
    }

    /** Once all is counted, which the server does after it has answered. */
    private long rowsRead() {
        await().until(() -> sql("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'app' AND COMMAND <> 'Sleep'")
                .query(int.class).single() == 0);
        return sql("SELECT ROWS_READ FROM information_schema.USER_STATISTICS WHERE USER = 'app'").query(long.class).single();
    }
}
