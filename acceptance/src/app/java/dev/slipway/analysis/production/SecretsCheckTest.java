package dev.slipway.analysis.production;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.analysis.Application;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class SecretsCheckTest {

    @ParameterizedTest
    @CsvSource({
        "'', is missing or empty",
        "development-only-db_app, 'is development''s, which everybody knows'",
        "only-19-characters., has fewer than 20 characters",
        "long-enough-with-a-\\-in-it, is not one line of plain characters"
    })
    void productionDoesNotStartWith(String secret, String because, CapturedOutput output) {
        start("production", secret);

        assertThat(output).contains("The secret spring.datasource.password " + because, "Run bash scripts/secrets.sh on the host");
        assertThat(output).doesNotContain("HikariPool");
        if (!secret.isEmpty()) {
            assertThat(output).doesNotContain(secret);
        }
    }

    @Test
    void developmentDoes(CapturedOutput output) {
        start("development", "development-only-db_app");

        assertThat(output).doesNotContain("The secret");
    }

    /** Without a database, so it fails in each case; what matters is where. */
    private static void start(String profile, String password) {
        try {
            new SpringApplicationBuilder(Application.class)
                    .profiles("web", profile)
                    .run("--server.port=0", "--management.server.port=0", "--spring.datasource.url=jdbc:mariadb://localhost:1/app",
                            "--spring.datasource.password=" + password, "--spring.jpa.hibernate.ddl-auto=validate")
                    .close();
        } catch (RuntimeException e) {
            assertThat(e).isNotNull();
        }
    }
}
