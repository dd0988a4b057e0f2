package dev.slipway.analysis.analyses;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Profile;
import org.springframework.stereotype.Component;
import org.springframework.util.unit.DataSize;

/**
 * How much may wait for the workers: so many analyses, and so much room of their values on disk. Both were measured a
 * moment ago; what other processes have taken in since is not in it, nor is it known while the database does not answer.
 */
@Component
@Profile("web")
class QueueLimit implements MeterBinder {

    private final QueueMetrics queue;
    private final double maxAnalyses;
    private final double maxBytes;
    private QueueMetrics.Backlog measured;
    private long analysesSince;
    private long bytesSince;

    QueueLimit(
            QueueMetrics queue,
            @Value("${analyses.queue.max-analyses}") long maxAnalyses,
            @Value("${analyses.queue.max-size}") DataSize maxSize) {
        this.queue = queue;
        this.maxAnalyses = maxAnalyses;
        this.maxBytes = maxSize.toBytes();
    }

    @Override
    public void bindTo(MeterRegistry meters) {
        Gauge.builder("analyses.queue.fill", this::fill)
                .description("How much of what may wait does, from 0 to 1")
                .register(meters);
    }

    /** Says whether there is room for one more with so many bytes of values, and if so, counts it in. */
    synchronized boolean admits(int bytes) {
        if (fill() >= 1) {
            return false;
        }
        analysesSince++;
        bytesSince += bytes;
        return true;
    }

    private synchronized double fill() {
        QueueMetrics.Backlog now = queue.backlog();
        if (now != measured) {
            measured = now;
            analysesSince = 0;
            bytesSince = 0;
        }
        return Math.max((now.unfinished() + analysesSince) / maxAnalyses, (now.bytes() + bytesSince) / maxBytes);
    }
}
