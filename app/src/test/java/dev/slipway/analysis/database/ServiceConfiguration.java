package dev.slipway.analysis.database;

import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.flyway.autoconfigure.FlywayConnectionDetails;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.core.type.AnnotatedTypeMetadata;
import org.springframework.util.function.SingletonSupplier;

/**
 * The server that {@code TEST_DATABASE_HOST} names: a CI pipeline starts one beside its steps, empty, and with the tests'
 * password for root, who may connect from anywhere.
 */
@TestConfiguration(proxyBeanMethods = false)
@Conditional(ServiceConfiguration.HostIsNamed.class)
class ServiceConfiguration {

    static final String HOST =
            System.getProperty(EmbeddedConfiguration.NAME_PROPERTY) == null ? System.getenv("TEST_DATABASE_HOST") : null;

    private static final Logger log = LoggerFactory.getLogger(ServiceConfiguration.class);
    private static final Supplier<String> URL = SingletonSupplier.of(ServiceConfiguration::prepare);
    private static final int PATIENCE = 120; // Seconds; a pipeline starts its services and its first step at once.

    @Bean
    FlywayConnectionDetails migratorConnection() {
        return new FlywayConnectionDetails() {

            @Override
            public String getUsername() {
                return "migrator";
            }

            @Override
            public String getPassword() {
                return DatabaseConfiguration.PASSWORD;
            }

            @Override
            public String getJdbcUrl() {
                return URL.get();
            }
        };
    }

    private static String prepare() {
        log.info("The database is the server {}", HOST);
        try (Connection root = connect();
                Statement statement = root.createStatement()) {
            for (String sql : EmbeddedMariaDb.initStatements()) {
                statement.execute(sql);
            }
        } catch (SQLException | IOException e) {
            throw new IllegalStateException("The database server " + HOST + " could not be prepared: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
        return "jdbc:mariadb://" + HOST + "/app";
    }

    private static Connection connect() throws SQLException, InterruptedException {
        for (int second = 0; ; second++) {
            try {
                return DriverManager.getConnection("jdbc:mariadb://" + HOST + "/", "root", DatabaseConfiguration.PASSWORD);
            } catch (SQLException e) {
                if (second == PATIENCE) {
                    throw e;
                }
                Thread.sleep(1000);
            }
        }
    }

    static class HostIsNamed implements Condition {

        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            return HOST != null;
        }
    }
}
