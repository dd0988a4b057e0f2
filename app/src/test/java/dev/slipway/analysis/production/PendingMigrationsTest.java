package dev.slipway.analysis.production;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.Application;
import dev.slipway.analysis.database.DatabaseConfiguration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class PendingMigrationsTest {

    @Test
    void aDryRunNamesWhatIsPendingAndRunsNothing(CapturedOutput output) {
        start("--migrate.dry-run=false");
        start("--migrate.dry-run=true");
        assertThat(output).contains("Pending migrations: none");

        start("--migrate.dry-run=true", "--spring.flyway.table=another_history", "--spring.flyway.baseline-version=1");
        assertThat(output).contains("Pending migrations: V1, V2");
    }

    private static void start(String... arguments) {
        new SpringApplicationBuilder(Application.class, DatabaseConfiguration.class).profiles("migrate").run(arguments).close();
    }
}
