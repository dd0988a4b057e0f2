package dev.slipway.analysis.database;

import org.springframework.boot.flyway.autoconfigure.FlywayConnectionDetails;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/**
 * The database of the tests: the server that {@code TEST_DATABASE_HOST} names, or else production's image where a Docker
 * Engine answers, and an embedded MariaDB where none does, one of them a process. {@code spring-boot:test-run} always
 * has the embedded one, which keeps its data.
 */
@TestConfiguration(proxyBeanMethods = false)
@Import({ServiceConfiguration.class, ContainerConfiguration.class, EmbeddedConfiguration.class})
public class DatabaseConfiguration {

    /** The password of all its users; nobody beyond this machine can connect. */
    static final String PASSWORD = "embedded";

    /** The database as root sees it, apart from the service's own connections; each statement is committed by itself. */
    @Bean
    TestDatabase testDatabase(FlywayConnectionDetails migrator) {
        return new TestDatabase(new DriverManagerDataSource(migrator.getJdbcUrl(), "root", PASSWORD));
    }

    @Bean
    JdbcConnectionDetails appConnection(FlywayConnectionDetails migrator) {
        return new JdbcConnectionDetails() {

            @Override
            public String getUsername() {
                return "app";
            }

            @Override
            public String getPassword() {
                return PASSWORD;
            }

            @Override
            public String getJdbcUrl() {
                return migrator.getJdbcUrl();
            }
        };
    }
}
