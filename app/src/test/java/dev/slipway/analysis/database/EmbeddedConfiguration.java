package dev.slipway.analysis.database;

import java.nio.file.Path;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.flyway.autoconfigure.FlywayConnectionDetails;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.core.type.AnnotatedTypeMetadata;

/** One {@link EmbeddedMariaDb} a process, which stops after the application. */
@TestConfiguration(proxyBeanMethods = false)
@Conditional(EmbeddedConfiguration.NoContainer.class)
public class EmbeddedConfiguration {

    /** Names the data that a developer keeps, apart from the tests'. */
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
                return database().jdbcUrl();
            }
        };
    }

    static class NoContainer implements Condition {

        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            return ServiceConfiguration.HOST == null && !ContainerConfiguration.ENGINE_ANSWERS.get();
        }
    }
}
