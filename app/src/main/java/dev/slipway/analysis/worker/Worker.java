package dev.slipway.analysis.worker;

import dev.slipway.analysis.analyses.Doubles;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.Profile;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;
import org.springframework.stereotype.Component;

/**
 * Works the queue off: claims a batch, computes it, writes the outcomes down. While there is work there is no pause, on
 * an empty queue there are pauses that double up to {@link WorkerProperties#maxIdle}.
 */
@Component
@Profile("worker")
class Worker implements SmartLifecycle {

    private static final Logger log = LoggerFactory.getLogger(Worker.class);
    private static final Duration MIN_IDLE = Duration.ofMillis(10);

    private final Queue queue;
    private final WorkerProperties properties;
    private final WorkerMetrics metrics;
    private volatile CountDownLatch stopping = new CountDownLatch(0);
    private ExecutorService threads;

    Worker(Queue queue, WorkerProperties properties, WorkerMetrics metrics) {
        this.queue = queue;
        this.properties = properties;
        this.metrics = metrics;
    }

    @Override
    public void start() {
        stopping = new CountDownLatch(1);
        threads = Executors.newFixedThreadPool(properties.threads(), new CustomizableThreadFactory("worker-"));
        for (int i = 0; i < properties.threads(); i++) {
            threads.execute(this::run);
        }
    }

    /** Lets each thread finish the analysis that it computes, and gives the rest of its batch back. */
    @Override
    public void stop() {
        stopping.countDown();
        threads.shutdown();
        try {
            if (!threads.awaitTermination(properties.lease().toMillis(), TimeUnit.MILLISECONDS)) {
                log.warn("A worker did not stop; another takes its analyses over when their lease ends");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public boolean isRunning() {
        return stopping.getCount() > 0;
    }

    private void run() {
        metrics.started();
        try {
            workUntilStopped();
        } finally {
            metrics.stopped();
        }
    }

    private void workUntilStopped() {
        // One owner a thread: a thread that lost its lease must not take the next holder's for its own.
        String owner = "worker-" + UUID.randomUUID();
        Duration idle = MIN_IDLE;
        while (isRunning()) {
            try {
                if (work(owner) > 0) {
                    idle = MIN_IDLE;
                } else {
                    pause(idle);
                    idle = shorter(idle.multipliedBy(2), properties.maxIdle());
                }
            } catch (RuntimeException e) {
                log.warn("The queue cannot be worked off, next try in {}: {}", properties.maxIdle(), e.toString());
                pause(properties.maxIdle());
            }
        }
    }

    private int work(String owner) {
        List<Job> jobs = queue.claim(owner, properties.batchSize(), properties.lease());
        metrics.claimed(jobs);
        List<Outcome> outcomes = new ArrayList<>();
        for (Job job : jobs) {
            if (!isRunning()) {
                break;
            }
            outcomes.add(compute(job));
        }
        if (!outcomes.isEmpty()) {
            metrics.written(queue.finish(owner, outcomes));
        }
        if (outcomes.size() < jobs.size()) {
            queue.giveBack(owner, jobs.subList(outcomes.size(), jobs.size()).stream().map(Job::id).toList());
        }
        return jobs.size();
    }

    private Outcome compute(Job job) {
        if (job.attempt() > properties.attempts()) {
            return new Outcome.Failed(job.id(), "Given up: " + properties.attempts() + " workers died over it.");
        }
        try {
            return new Outcome.Done(job.id(), metrics.timed(() -> Statistics.of(Doubles.fromBytes(job.doubles()))));
        } catch (ArithmeticException e) {
            return new Outcome.Failed(job.id(), e.getMessage()); // It would fail again.
        } catch (RuntimeException e) {
            log.warn("Attempt {} of {} at analysis {} failed", job.attempt(), properties.attempts(), job.id(), e);
            if (job.attempt() < properties.attempts()) {
                return new Outcome.Retry(job.id(), properties.retryDelay().multipliedBy(1L << Math.min(job.attempt() - 1, 10)));
            }
            String reason = e instanceof IllegalArgumentException ? e.getMessage() : "The worker's log says why.";
            return new Outcome.Failed(job.id(), "Given up after " + job.attempt() + " attempts. " + reason);
        }
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    private void pause(Duration idle) {
        try {
            stopping.await(idle.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
