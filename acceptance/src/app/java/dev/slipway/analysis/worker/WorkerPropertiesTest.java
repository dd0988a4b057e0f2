package dev.slipway.analysis.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.analysis.StartFailure;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.context.properties.EnableConfigurationProperties;

class WorkerPropertiesTest {

    private static final long MB = 1 << 20;

    @EnableConfigurationProperties(WorkerProperties.class)
    static class Properties {}

    private final ApplicationContextRunner runner = new ApplicationContextRunner().withUserConfiguration(Properties.class);

    @Test
    void settingsThatCannotWorkTogetherAreRefusedWithBothValues() {
        runner.withPropertyValues("worker.lease=5s", "worker.max-idle=10s").run(context -> assertThat(context.getStartupFailure())
                .rootCause()
                .hasMessage("worker.lease (5000 ms) is shorter than worker.max-idle (10000 ms): make it longer."));
        assertThatThrownBy(() -> WorkerProperties.check(64, 2_400_000, 256 * MB))
                .isInstanceOf(StartFailure.class)
                .hasMessage("worker.threads (64) may need 146 MB, more than half of this process' heap of 256 MB: use fewer, or raise WORKER_MEMORY.");
        WorkerProperties.check(50, 2_400_000, 256 * MB);
    }

    @ParameterizedTest
    @ValueSource(strings = {"lease=6m", "lease=999ms", "time-limit=0", "retry-delay=2h", "retention=-1d", "attempts=0", "threads=65"})
    void whatIsBeyondItsBoundIsRefused(String setting) {
        runner.withPropertyValues("worker." + setting).run(context -> assertThat(context).hasFailed());
    }

    @Test
    void aRetentionIsInDays() {
        runner.run(context -> assertThat(context.getBean(WorkerProperties.class).retention()).isEqualTo(Duration.ofDays(30)));
        runner.withPropertyValues("worker.retention=7").run(context ->
                assertThat(context.getBean(WorkerProperties.class).retention()).isEqualTo(Duration.ofDays(7)));
        runner.withPropertyValues("worker.retention=0").run(context -> assertThat(context).hasNotFailed());
    }
}
