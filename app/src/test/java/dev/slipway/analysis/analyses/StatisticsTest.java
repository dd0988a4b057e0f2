package dev.slipway.analysis.analyses;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.slipway.analysis.analyses.Analysis.Result;
import dev.slipway.analysis.worker.JobHandler.NoResultException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StatisticsTest {

    /** The expected figures are NumPy's: mean, std(ddof=1), percentile. */
    @Test
    void agreesWithNumPy() throws Exception {
        Result result = Statistics.of(new double[] {2, 4, 4, 4, 5, 5, 7, 9});

        assertThat(result.count()).isEqualTo(8);
        assertThat(result.mean()).isEqualTo(5);
        assertThat(result.standardDeviation()).isCloseTo(2.138089935299395, within(1e-15));
        assertThat(result.min()).isEqualTo(2);
        assertThat(result.max()).isEqualTo(9);
        assertThat(result.p50()).isEqualTo(4.5);
        assertThat(result.p95()).isCloseTo(8.3, within(1e-12));
        assertThat(result.p99()).isCloseTo(8.86, within(1e-12));
    }

    @Test
    void percentilesOfOneToAHundredAndOneAreWholeNumbers() throws Exception {
        Result result = Statistics.of(IntStream.rangeClosed(1, 101).asDoubleStream().toArray());

        assertThat(new double[] {result.p50(), result.p95(), result.p99()}).containsExactly(51, 96, 100);
    }

    @Test
    void aSingleValueHasNoDeviation() throws Exception {
        assertThat(Statistics.of(new double[] {3})).isEqualTo(new Result(1, 3, 0, 3, 3, 3, 3, 3));
    }

    @Test
    void saysSoWhenAResultIsBeyondADouble() throws Exception {
        assertThatThrownBy(() -> Statistics.of(new double[] {-1e308, 1e308}))
                .isInstanceOf(NoResultException.class).hasMessageContaining("beyond the range of a double");
    }
}
