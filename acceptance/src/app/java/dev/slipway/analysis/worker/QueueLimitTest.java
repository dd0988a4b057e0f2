package dev.slipway.analysis.worker;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import org.junit.jupiter.api.Test;
import org.springframework.util.unit.DataSize;

class QueueLimitTest {

    private final QueueMetrics queue = mock();

    @Test
    void soManyJobsAreTakenInAndNoMore() {
        QueueLimit limit = new QueueLimit(queue, 10, DataSize.ofBytes(1000));
        measured(8, 0);

        limit.admit(8);
        limit.admit(8);
        assertThatThrownBy(() -> limit.admit(8)).isInstanceOf(QueueFullException.class);

        measured(9, 0);
        limit.admit(8);
        assertThatThrownBy(() -> limit.admit(8)).isInstanceOf(QueueFullException.class);
    }

    @Test
    void soManyBytesAreTakenInAndNoMore() {
        QueueLimit limit = new QueueLimit(queue, 10, DataSize.ofBytes(1000));
        measured(0, 400);

        limit.admit(600);
        assertThatThrownBy(() -> limit.admit(8)).isInstanceOf(QueueFullException.class);
    }

    @Test
    void aQueueThatCannotBeMeasuredIsNoReasonToRefuse() {
        QueueLimit limit = new QueueLimit(queue, 10, DataSize.ofBytes(1000));
        measured(Double.NaN, Double.NaN);

        limit.admit(8);
    }

    private void measured(double unfinished, double bytes) {
        when(queue.backlog()).thenReturn(new QueueMetrics.Backlog(0, 0, unfinished, bytes));
    }
}
