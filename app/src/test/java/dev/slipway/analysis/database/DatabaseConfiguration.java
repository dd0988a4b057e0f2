package dev.slipway.analysis.database;

import java.nio.file.Path;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.flyway.autoconfigure.FlywayConnectionDetails;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/**
 * The database that tests and {@code spring-boot:test-run} use: one {@link EmbeddedMariaDb} a process, which stops after
 * the application.
 */
@TestConfiguration(proxyBeanMethods = false)
public class DatabaseConfiguration {

    /** A name of the data's own keeps what tests do out of what a developer keeps. */
    public static final String NAME_PROPERTY = "embedded-mariadb.name";

    private static EmbeddedMariaDb database;

    private static synchronized EmbeddedMariaDb database() {
        if (database == null) {
            EmbeddedMariaDb starting =
                    new EmbeddedMariaDb(Path.of("target", "mariadb"), System.getProperty(NAME_PROPERTY, "test"));
            SpringApplication.getShutdownHandlers().add(starting::stop);
            starting.start();
            database = starting;
        }
        return database;
    }

    /** The database as root sees it, apart from the service's own connections; each statement is committed by itself. */
    @Bean
    TestDatabase testDatabase() {
        return new TestDatabase(new DriverManagerDataSource(database().jdbcUrl(), "root", EmbeddedMariaDb.PASSWORD));
    }

    @Bean
    JdbcConnectionDetails appConnection() {
        return new JdbcConnectionDetails() {

            @Override
            public String getUsername() {
                return "app";
            }

            @Override
            public String getPassword() {
                return EmbeddedMariaDb.PASSWORD;
            }

            @Override
            public String getJdbcUrl() {
                return database().jdbcUrl();
            }
        };
    }

    @Bean
    FlywayConnectionDetails migratorConnection() {
        return new FlywayConnectionDetails() {

            @Override
            public String getUsername() {
                return "migrator";
            }

            @Override
            public String getPassword() {
                return EmbeddedMariaDb.PASSWORD;
            }

            @Override
            public String getJdbcUrl() {
                return database().jdbcUrl();
            }
        };
    }
}
