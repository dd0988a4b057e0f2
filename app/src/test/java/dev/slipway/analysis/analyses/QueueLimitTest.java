package dev.slipway.analysis.analyses;

import static org.assertj.core.api.Assertions.assertThat;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import org.junit.jupiter.api.Test;
import org.springframework.util.unit.DataSize;

class QueueLimitTest {

    private final QueueMetrics queue = mock();

    @Test
    void soManyAnalysesAreTakenInAndNoMore() {
        QueueLimit limit = new QueueLimit(queue, 10, DataSize.ofBytes(1000));
        measured(8, 0);

        assertThat(limit.admits(8)).isTrue();
        assertThat(limit.admits(8)).isTrue();
        assertThat(limit.admits(8)).isFalse();

        measured(9, 0);
        assertThat(limit.admits(8)).isTrue();
        assertThat(limit.admits(8)).isFalse();
    }

    @Test
    void soManyBytesAreTakenInAndNoMore() {
        QueueLimit limit = new QueueLimit(queue, 10, DataSize.ofBytes(1000));
        measured(0, 400);

        assertThat(limit.admits(600)).isTrue();
        assertThat(limit.admits(8)).isFalse();
    }

    @Test
    void aQueueThatCannotBeMeasuredIsNoReasonToRefuse() {
        QueueLimit limit = new QueueLimit(queue, 10, DataSize.ofBytes(1000));
        measured(Double.NaN, Double.NaN);

        assertThat(limit.admits(8)).isTrue();
    }

    private void measured(double unfinished, double bytes) {
        when(queue.backlog()).thenReturn(new QueueMetrics.Backlog(0, 0, unfinished, bytes));
    }
}
