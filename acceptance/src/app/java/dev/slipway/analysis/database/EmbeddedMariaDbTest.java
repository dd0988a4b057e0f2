package dev.slipway.analysis.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.analysis.StartFailure;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.util.FileSystemUtils;

class EmbeddedMariaDbTest {

    private static final Path HOME = Path.of("target", "mariadb");

    private final EmbeddedMariaDb database = new EmbeddedMariaDb(HOME, "itself");

    @AfterEach
    void stop() throws Exception {
        database.stop();
        FileSystemUtils.deleteRecursively(HOME.resolve("itself"));
        Files.deleteIfExists(HOME.resolve("itself.installed"));
    }

    @Test
    void keepsItsDataAndStopsWhatAKilledRunLeftBehind() throws Exception {
        database.start();
        query("CREATE TABLE kept AS SELECT 42 AS answer");
        long orphan = Long.parseLong(Files.readString(HOME.resolve("itself.pid")).strip());
        releaseLock(); // As the end of a killed process does.

        EmbeddedMariaDb next = new EmbeddedMariaDb(HOME, "itself");
        next.start();
        try {
            assertThat(ProcessHandle.of(orphan)).isEmpty();
            assertThat(query(next, "SELECT answer FROM kept")).isEqualTo("42");
        } finally {
            next.stop();
        }
    }

    @Test
    void refusesToShareItsDataWithAnotherRun() {
        database.start();

        assertThatThrownBy(() -> new EmbeddedMariaDb(HOME, "itself").start())
                .isInstanceOf(StartFailure.class)
                .hasMessageMatching("Another run is using the embedded MariaDB in .*itself\\.");
    }

    @Test
    void repeatsAnInstallationThatWasInterrupted() throws Exception {
        Files.createDirectories(HOME.resolve("itself"));
        Files.writeString(HOME.resolve("itself/ibdata1"), "half");

        database.start();

        assertThat(query("SELECT 1")).isEqualTo("1");
    }

    private void releaseLock() throws Exception {
        var lock = EmbeddedMariaDb.class.getDeclaredField("lock");
        lock.setAccessible(true);
        ((AutoCloseable) lock.get(database)).close();
    }

    private String query(String sql) throws SQLException {
        return query(database, sql);
    }

    private static String query(EmbeddedMariaDb database, String sql) throws SQLException {
        try (Connection connection =
                        DriverManager.getConnection(database.jdbcUrl(), "migrator", DatabaseConfiguration.PASSWORD);
                ResultSet rows = connection.createStatement().executeQuery(sql)) {
            return rows.next() ? rows.getString(1) : null;
        }
    }
}
