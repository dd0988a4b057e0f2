package dev.slipway.analysis.worker;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.context.annotation.Profile;
import org.springframework.stereotype.Component;

/** What the worker counts: what became of the jobs, how long they took, and how many threads work. */
@Component
@Profile("worker")
class WorkerMetrics {

    final AtomicInteger threads = new AtomicInteger();
    final Counter leasesExpired;
    final Timer duration;
    private final Counter finished;
    private final Counter failed;

    WorkerMetrics(MeterRegistry meters) {
        leasesExpired = counter(meters, "jobs.leases.expired", "Jobs taken over from a worker that did not come back");
        duration = Timer.builder("jobs.duration").description("Time to compute one job").register(meters);
        finished = counter(meters, "jobs.finished", "Jobs that have a result");
        failed = counter(meters, "jobs.failed", "Jobs that were given up");
        Gauge.builder("worker.threads", threads, AtomicInteger::get).description("Threads that work the queue off").register(meters);
    }

    private static Counter counter(MeterRegistry meters, String name, String description) {
        return Counter.builder(name).description(description).register(meters);
    }

    void written(Job.Outcome outcome) {
        if (outcome instanceof Job.Outcome.Done) {
            finished.increment();
        } else if (outcome instanceof Job.Outcome.Failed) {
            failed.increment();
        }
    }
}
