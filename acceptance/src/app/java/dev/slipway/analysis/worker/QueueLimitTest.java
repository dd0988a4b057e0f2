package dev.slipway.analysis.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import dev.slipway.analysis.worker.QueueLimit.QueueFullException;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.springframework.util.unit.DataSize;

class QueueLimitTest {

    private final QueueMetrics queue = mock();
    private final MeterRegistry meters = new SimpleMeterRegistry();
    private final AtomicInteger stored = new AtomicInteger();

    @Test
    void soManyJobsAreTakenInAndNoMore() {
        QueueLimit limit = new QueueLimit(queue, 10, DataSize.ofBytes(1000), meters);
        measured(8, 0);

        limit.admit(8, stored::incrementAndGet);
        limit.admit(8, stored::incrementAndGet);
        assertThatThrownBy(() -> limit.admit(8, stored::incrementAndGet)).isInstanceOf(QueueFullException.class);
        assertThat(stored).hasValue(2);
        assertThat(meters.counter("jobs.submitted").count()).isEqualTo(2);

        measured(9, 0);
        limit.admit(8, stored::incrementAndGet);
        assertThatThrownBy(() -> limit.admit(8, stored::incrementAndGet)).isInstanceOf(QueueFullException.class);
    }

    @Test
    void soManyBytesAreTakenInAndNoMore() {
        QueueLimit limit = new QueueLimit(queue, 10, DataSize.ofBytes(1000), meters);
        measured(0, 400);

        limit.admit(600, stored::incrementAndGet);
        assertThatThrownBy(() -> limit.admit(8, stored::incrementAndGet)).isInstanceOf(QueueFullException.class);
    }

    @Test
    void aQueueThatCannotBeMeasuredIsNoReasonToRefuse() {
        QueueLimit limit = new QueueLimit(queue, 10, DataSize.ofBytes(1000), meters);
        measured(Double.NaN, Double.NaN);

        limit.admit(8, stored::incrementAndGet);
    }

    private void measured(double unfinished, double bytes) {
        when(queue.backlog()).thenReturn(new QueueMetrics.Backlog(0, 0, unfinished, bytes));
    }
}
