package dev.slipway.analysis.worker;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.net.URI;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Profile;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;
import org.springframework.util.unit.DataSize;
import org.springframework.web.ErrorResponseException;

/**
 * How much may wait for the workers: so many jobs, and so much room of their inputs on disk. Both were measured a
 * moment ago; what other processes have taken in since is not in it, nor is it known while the database does not answer.
 */
@Component
@Profile("web")
public class QueueLimit {

    private final QueueMetrics queue;
    private final double maxJobs;
    private final double maxBytes;
    private final Counter submitted;
    private QueueMetrics.Backlog measured;
    private long jobsSince;
    private long bytesSince;

    /** So much waits for the workers that no more is taken in. */
    public static class QueueFullException extends ErrorResponseException {

        QueueFullException() {
            super(HttpStatus.SERVICE_UNAVAILABLE);
            setType(URI.create("urn:problem-type:queue-full"));
            setTitle("The queue is full");
            setDetail("Too much waits to be computed: try again in a minute.");
            getHeaders().set(HttpHeaders.RETRY_AFTER, "60");
        }
    }

    QueueLimit(
            QueueMetrics queue, @Value("${queue.max-jobs}") long maxJobs, @Value("${queue.max-size}") DataSize maxSize, MeterRegistry meters) {
        this.queue = queue;
        this.maxJobs = maxJobs;
        this.maxBytes = maxSize.toBytes();
        this.submitted = Counter.builder("jobs.submitted").description("Jobs taken in, repetitions apart").register(meters);
        Gauge.builder("queue.fill", this::fill).description("How much of what may wait does, from 0 to 1").register(meters);
    }

    /**
     * Takes one more in.
     *
     * @param bytes of its input
     * @param store stores it; what it throws leaves it uncounted
     * @throws QueueFullException if there is no room for it, and nothing is stored
     */
    public void admit(int bytes, Runnable store) {
        reserve(bytes);
        store.run();
        submitted.increment();
    }

    private synchronized void reserve(int bytes) {
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
