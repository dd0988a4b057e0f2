package dev.slipway.analysis.database;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.flyway.autoconfigure.FlywayConnectionDetails;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.boot.testcontainers.service.connection.ServiceConnection;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.core.type.AnnotatedTypeMetadata;
import org.springframework.util.function.SingletonSupplier;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.images.builder.Transferable;
import org.testcontainers.mariadb.MariaDBContainer;
import org.testcontainers.utility.DockerImageName;

/** The image that {@code DB_IMAGE} names, with the accounts that production has, in one container a process. */
@TestConfiguration(proxyBeanMethods = false)
@Conditional(ContainerConfiguration.EngineAnswers.class)
class ContainerConfiguration {

    static final Supplier<Boolean> ENGINE_ANSWERS = SingletonSupplier.of(ContainerConfiguration::engineAnswers);

    private static final Logger log = LoggerFactory.getLogger(ContainerConfiguration.class);
    private static final String IMAGE = System.getenv().getOrDefault("DB_IMAGE", "mariadb:10.6");
    private static final Supplier<Database> DATABASE = SingletonSupplier.of(Database::new);

    @Bean(destroyMethod = "")
    @ServiceConnection(type = FlywayConnectionDetails.class)
    MariaDBContainer database() {
        return DATABASE.get();
    }

    /** Outlives each application context, since the next one uses it too. */
    private static class Database extends MariaDBContainer {

        Database() {
            super(DockerImageName.parse(IMAGE).asCompatibleSubstituteFor(NAME));
            withDatabaseName("app").withUsername("migrator").withPassword(DatabaseConfiguration.PASSWORD);
            withCopyToContainer(Transferable.of(accounts()), "/docker-entrypoint-initdb.d/accounts.sql");
            SpringApplication.getShutdownHandlers().add(this::stop);
        }

        private static String accounts() {
            try {
                return String.join("\n", EmbeddedMariaDb.initStatements());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() {}
    }

    /** The command line is asked first, since Testcontainers looks further than the {@code DOCKER_HOST} it is given. */
    private static boolean engineAnswers() {
        boolean answers = System.getProperty(EmbeddedConfiguration.NAME_PROPERTY) == null
                && commandLineReaches()
                && DockerClientFactory.instance().isDockerAvailable();
        log.info(answers ? "The database is the image {}" : "The database is the embedded MariaDB", IMAGE);
        return answers;
    }

    private static boolean commandLineReaches() {
        try {
            Process docker = new ProcessBuilder("docker", "version")
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return docker.waitFor() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    static class EngineAnswers implements Condition {

        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            return ServiceConfiguration.HOST == null && ENGINE_ANSWERS.get();
        }
    }
}
