package dev.slipway.analysis.worker;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Profile;
import org.springframework.stereotype.Component;
import org.springframework.util.unit.DataSize;

/**
 * How much may wait for the workers: so many jobs, and so much room of their inputs on disk. Both were measured a
 * moment ago; what other processes have taken in since is not in it, nor is it known while the database does not answer.
 */
@Component
@Profile("web")
public class QueueLimit implements MeterBinder {

    private final QueueMetrics queue;
    private final double maxJobs;
    private final double maxBytes;
    private QueueMetrics.Backlog measured;
    private long jobsSince;
    private long bytesSince;

    QueueLimit(
            QueueMetrics queue,
            @Value("${queue.max-jobs}") long maxJobs,
            @Value("${queue.max-size}") DataSize maxSize) {
        this.queue = queue;
        this.maxJobs = maxJobs;
        this.maxBytes = maxSize.toBytes();
    }

    @Override
    public void bindTo(MeterRegistry meters) {
        Gauge.builder("queue.fill", this::fill)
                .description("How much of what may wait does, from 0 to 1")
                .register(meters);
    }

    /**
     * Counts one more in.
     *
     * @param bytes of its input
     * @throws QueueFullException if there is no room for it
     */
    public synchronized void admit(int bytes) {
        if (fill() >= 1) {
            throw new QueueFullException();
        }
        jobsSince++;
        bytesSince += bytes;
    }

    private synchronized double fill() {
        QueueMetrics.Backlog now = queue.backlog();
        if (now != measured) {
            measured = now;
            jobsSince = 0;
            bytesSince = 0;
        }
        return Math.max((now.unfinished() + jobsSince) / maxJobs, (now.bytes() + bytesSince) / maxBytes);
    }
}
