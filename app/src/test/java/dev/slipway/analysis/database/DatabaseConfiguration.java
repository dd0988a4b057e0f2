package dev.slipway.analysis.database;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.flyway.autoconfigure.FlywayConnectionDetails;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.util.function.SingletonSupplier;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.images.builder.Transferable;
import org.testcontainers.mariadb.MariaDBContainer;
import org.testcontainers.utility.DockerImageName;

/**
 * The database of the tests, one a process: the server that {@code TEST_DATABASE_HOST} names, or else production's image where a Docker Engine
 * answers, and an embedded MariaDB where none does. {@code spring-boot:test-run} always has the embedded one, which keeps its data.
 */
@TestConfiguration(proxyBeanMethods = false)
public class DatabaseConfiguration {

    /** Names the data that a developer keeps, apart from the tests'. */
    public static final String NAME_PROPERTY = "embedded-mariadb.name";

    /** The password of all its users; nobody beyond this machine can connect. */
    static final String PASSWORD = "embedded";

    private static final Logger log = LoggerFactory.getLogger(DatabaseConfiguration.class);
    private static final int PATIENCE = 120; // Seconds; a pipeline starts its services and its first step at once.
    private static final Supplier<String> URL = SingletonSupplier.of(DatabaseConfiguration::start);

    /** The database as root sees it, apart from the service's own connections; each statement is committed by itself. */
    @Bean
    TestDatabase testDatabase() {
        return new TestDatabase(new DriverManagerDataSource(URL.get(), "root", PASSWORD));
    }

    @Bean
    FlywayConnectionDetails migrator() {
        return new Migrator("migrator", PASSWORD, URL.get());
    }

    @Bean
    JdbcConnectionDetails app() {
        return new App("app", PASSWORD, URL.get());
    }

    private record Migrator(String getUsername, String getPassword, String getJdbcUrl) implements FlywayConnectionDetails {}

    private record App(String getUsername, String getPassword, String getJdbcUrl) implements JdbcConnectionDetails {}

    private static String start() {
        String name = System.getProperty(NAME_PROPERTY);
        String host = System.getenv("TEST_DATABASE_HOST");
        String image = System.getenv().getOrDefault("DB_IMAGE", "mariadb:10.6");
        if (name == null && host != null) {
            log.info("The database is the server {}", host);
            return prepared(host);
        }
        if (name == null && engineAnswers()) {
            log.info("The database is the image {}", image);
            return started(image);
        }
        log.info("The database is the embedded MariaDB");
        EmbeddedMariaDb database = new EmbeddedMariaDb(Path.of("target", "mariadb"), name == null ? "test" : name);
        SpringApplication.getShutdownHandlers().add(database::stop);
        database.start();
        return database.jdbcUrl();
    }

    /** A CI pipeline starts a server beside its steps, empty, and with {@link #PASSWORD} for root, who may connect from anywhere. */
    private static String prepared(String host) {
        try (Connection root = connect(host)) {
            for (String sql : EmbeddedMariaDb.initStatements()) {
                root.createStatement().execute(sql);
            }
        } catch (IOException | SQLException | InterruptedException e) {
            throw new IllegalStateException("The database server " + host + " could not be prepared: " + e.getMessage(), e);
        }
        return "jdbc:mariadb://" + host + "/app";
    }

    private static Connection connect(String host) throws SQLException, InterruptedException {
        for (int second = 0; ; second++) {
            try {
                return DriverManager.getConnection("jdbc:mariadb://" + host + "/", "root", PASSWORD);
            } catch (SQLException e) {
                if (second == PATIENCE) {
                    throw e;
                }
                Thread.sleep(1000);
            }
        }
    }

    private static String started(String image) {
        MariaDBContainer database = new MariaDBContainer(DockerImageName.parse(image).asCompatibleSubstituteFor("mariadb"));
        database.withDatabaseName("app").withUsername("migrator").withPassword(PASSWORD);
        try {
            database.withCopyToContainer(
                    Transferable.of(String.join("\n", EmbeddedMariaDb.initStatements())), "/docker-entrypoint-initdb.d/accounts.sql");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        SpringApplication.getShutdownHandlers().add(database::stop);
        database.start();
        return database.getJdbcUrl();
    }

    /** The command line is asked first, since Testcontainers looks further than the {@code DOCKER_HOST} it is given. */
    private static boolean engineAnswers() {
        try {
            Process docker = new ProcessBuilder("docker", "version")
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            return docker.waitFor() == 0 && DockerClientFactory.instance().isDockerAvailable();
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
