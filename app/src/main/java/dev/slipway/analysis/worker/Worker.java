package dev.slipway.analysis.worker;

import dev.slipway.analysis.worker.Job.Outcome;
import dev.slipway.analysis.worker.JobHandler.NoResultException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.availability.AvailabilityChangeEvent;
import org.springframework.boot.availability.ReadinessState;
import org.springframework.context.ApplicationContext;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.Profile;
import org.springframework.dao.DataAccessException;
import org.springframework.dao.NonTransientDataAccessException;
import org.springframework.dao.NonTransientDataAccessResourceException;
import org.springframework.dao.UncategorizedDataAccessException;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;
import org.springframework.stereotype.Component;
import org.springframework.transaction.TransactionException;

/**
 * Works the queue off, and pauses on an empty one, each time twice as long. Each thread claims a few jobs at once, computes one at a time, and
 * writes their outcomes down together. One more thread renews the leases, ends what takes too long, and lets nothing wait behind it. A
 * worker that can no longer work says that it is not ready, and ends its process.
 */
@Component
@Profile("worker")
class Worker implements SmartLifecycle {

    /** {@link JobHandler#handle}. */
    @FunctionalInterface
    interface Computation {

        Map<String, Object> of(byte[] input) throws Exception;
    }

    private static final Logger log = LoggerFactory.getLogger(Worker.class);
    private static final String UNTOLD = "The database cannot be told what becomes of a job";
    private static final Duration MIN_IDLE = Duration.ofMillis(10);

    /** After so many in a row it is not one job that the database refuses, but this worker. */
    private static final int REFUSALS = 10;

    /** So many jobs a thread claims at once at most, */
    private static final int MOST = 16;

    /** and no more than it computes in this time, at the pace of the last ones. */
    private static final Duration BATCH = Duration.ofMillis(50);

    /** How long an interrupted computation may take to come back. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final Queue queue;
    private final WorkerProperties properties;
    private final WorkerMetrics metrics;
    private final Computation computation;
    private final Runnable retention;
    private final Duration gracePeriod;
    private final Runnable end;
    private final Set<Thread> working = ConcurrentHashMap.newKeySet();
    private final Set<Run> runs = ConcurrentHashMap.newKeySet();
    private final Set<Batch> batches = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean broken = new AtomicBoolean();
    private volatile CountDownLatch stopping = new CountDownLatch(0);
    private volatile long looked;
    private Semaphore company;
    private ExecutorService threads;
    private ScheduledExecutorService keeper;

    @Autowired
    Worker(
            Queue queue, JobHandler handler, WorkerProperties properties, WorkerMetrics metrics, Retention retention,
            @Value("${spring.lifecycle.timeout-per-shutdown-phase:30s}") Duration gracePeriod, ApplicationContext context) {
        this(queue, properties, metrics, handler::handle, () -> retention.remove(properties.retention()), gracePeriod, () -> {
            AvailabilityChangeEvent.publish(context, ReadinessState.REFUSING_TRAFFIC);
            new Thread(() -> System.exit(1), "worker-end").start();
        });
        WorkerProperties.check(properties.threads(), handler.footprint(), Runtime.getRuntime().maxMemory());
    }

    /**
     * @param retention removes what is old
     * @param gracePeriod how long a stop waits for what is being computed
     * @param end what ends the process of a worker that can no longer work
     */
    Worker(
            Queue queue, WorkerProperties properties, WorkerMetrics metrics, Computation computation, Runnable retention,
            Duration gracePeriod, Runnable end) {
        this.queue = queue;
        this.properties = properties;
        this.metrics = metrics;
        this.computation = computation;
        this.retention = retention;
        this.gracePeriod = gracePeriod;
        this.end = end;
    }

    @Override
    public void start() {
        stopping = new CountDownLatch(1);
        looked = System.nanoTime() - properties.maxIdle().toNanos();
        company = new Semaphore(properties.threads(), true);
        threads = Executors.newFixedThreadPool(properties.threads(), new CustomizableThreadFactory("worker-"));
        for (int i = 0; i < properties.threads(); i++) {
            threads.execute(this::run);
        }
        keeper = Executors.newScheduledThreadPool(2, new CustomizableThreadFactory("worker-keeper-"));
        long interval = interval().toMillis();
        keeper.scheduleWithFixedDelay(this::keep, interval, interval, TimeUnit.MILLISECONDS);
        keeper.scheduleWithFixedDelay(() -> quietly("What is old cannot be removed, next try in an hour", retention), 1, 60, TimeUnit.MINUTES);
    }

    /** Lets each thread finish the job that it computes; what takes longer than the grace period is given back. */
    @Override
    public void stop() {
        stopping.countDown();
        long deadline = System.nanoTime() + gracePeriod.toNanos();
        try {
            while (!working.isEmpty() && System.nanoTime() < deadline) {
                Thread.sleep(10);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        for (Run run : runs) {
            if (run.leave()) {
                log.warn("Job {} is given back: it was not done within {} s", run.job.id(), gracePeriod.toSeconds());
                quietly(UNTOLD, () -> queue.giveBack(run.job));
                runs.remove(run);
            }
        }
        batches.forEach(this::breakUp);
        threads.shutdownNow();
        keeper.shutdownNow();
    }

    @Override
    public boolean isRunning() {
        return stopping.getCount() > 0;
    }

    private void run() {
        working.add(Thread.currentThread());
        metrics.threads.incrementAndGet();
        try {
            workUntilStopped();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Throwable e) {
            log.error("A thread of the worker ended", e);
        } finally {
            metrics.threads.decrementAndGet();
            working.remove(Thread.currentThread());
        }
        if (isRunning()) {
            breakDown();
        }
    }

    private void workUntilStopped() throws InterruptedException {
        Duration idle = MIN_IDLE;
        int refusals = 0;
        int most = 1;
        while (isRunning()) {
            try {
                int claimed = most;
                int next = workAlone() ? 1 : work(1, lease -> queue.claim(claimed, lease));
                if (next > 0) {
                    idle = MIN_IDLE;
                    most = next;
                } else {
                    most = 1;
                    pause(idle);
                    idle = shorter(idle.multipliedBy(2), properties.maxIdle());
                }
                refusals = 0;
            } catch (RuntimeException e) {
                if (refused(e) && ++refusals == REFUSALS) {
                    throw e;
                }
                log.warn("The queue cannot be worked off, next try in {}: {}", properties.maxIdle(), e.toString());
                pause(properties.maxIdle());
            }
        }
    }

    /** Computes a suspect while no other thread of this process computes anything. */
    private boolean workAlone() throws InterruptedException {
        if (System.nanoTime() - looked < properties.maxIdle().toNanos()) {
            return false;
        }
        looked = System.nanoTime();
        return queue.hasSuspects() && work(properties.threads(), this::takeOver) > 0;
    }

    private List<Job> takeOver(Duration lease) {
        Optional<Job> suspect = queue.claimSuspect(lease);
        suspect.ifPresent(job -> {
            metrics.leasesExpired.increment();
            looked -= properties.maxIdle().toNanos(); // There may be more.
        });
        return suspect.stream().toList();
    }

    /**
     * @param places how many of this process' threads it keeps from computing, its own among them
     * @return how many jobs to claim next; 0 if there was none
     */
    private int work(int places, Function<Duration, List<Job>> claim) throws InterruptedException {
        company.acquire(places);
        try {
            List<Job> jobs = isRunning() ? claim.apply(properties.lease()) : List.of();
            return jobs.isEmpty() ? 0 : work(new Batch(jobs), jobs);
        } finally {
            company.release(places);
        }
    }

    private int work(Batch batch, List<Job> jobs) throws InterruptedException {
        batches.add(batch);
        Job job = batch.waiting.poll();
        do {
            compute(job, batch);
            job = isRunning() ? batch.waiting.poll() : null;
        } while (job != null);
        long inTime = jobs.size() * BATCH.toNanos() / Math.max(batch.age().toNanos(), 1);
        giveBack(batch);
        try {
            write(batch.take());
        } finally {
            batches.remove(batch);
        }
        return (int) Math.max(1, Math.min(MOST, Math.min(inTime, queue.fitting(jobs))));
    }

    private void compute(Job job, Batch batch) {
        Run run = new Run(job, batch.claimed);
        runs.add(run);
        run.outcome = compute(run);
        if (!run.isLeft()) {
            batch.computed.add(run);
        }
    }

    /** Writes down what is computed, together; what the database does not take so, each by itself. */
    private void write(List<Run> computed) throws InterruptedException {
        RuntimeException refusal = null;
        try {
            if (computed.size() > 1 && finish(computed)) {
                return;
            }
            for (Run run : computed) {
                try {
                    write(run.job, run.outcome);
                } catch (RuntimeException e) {
                    refusal = e;
                }
            }
        } finally {
            computed.forEach(runs::remove);
        }
        if (refusal != null) {
            throw refusal;
        }
    }

    private boolean finish(List<Run> computed) {
        try {
            Set<Job> lost = queue.finish(computed.stream().collect(Collectors.toMap(run -> run.job, run -> run.outcome)));
            computed.forEach(run -> told(run.job, run.outcome, !lost.contains(run.job)));
            return true;
        } catch (RuntimeException e) {
            log.warn("{} outcomes cannot be written together: {}", computed.size(), e.toString());
            return false;
        }
    }

    /** Lets what was claimed with a job wait for it no longer. */
    private void breakUp(Batch batch) {
        giveBack(batch);
        batch.settle(this::finish).forEach(runs::remove);
    }

    private void giveBack(Batch batch) {
        for (Job job = batch.waiting.poll(); job != null; job = batch.waiting.poll()) {
            Job waiting = job;
            quietly(UNTOLD, () -> queue.giveBack(waiting));
        }
    }

    private Outcome compute(Run run) {
        Job job = run.job;
        if (job.endedItsWorker() && job.attempt() > properties.attempts()) {
            run.computed();
            return new Outcome.Failed("Given up after " + properties.attempts()
                    + " attempts: the last worker, which computed nothing else, did not come back from it.");
        }
        Map<String, Object> columns = null;
        Throwable failure = null;
        try {
            byte[] input = job.input();
            if (input == null) {
                throw new IllegalArgumentException("What was stored for it is gone.");
            }
            columns = Objects.requireNonNull(metrics.duration.recordCallable(() -> computation.of(input)), "The handler gave no columns.");
        } catch (Throwable e) { // An Error, too, is this job's own.
            failure = e;
        }
        if (!run.computed()) {
            return tookTooLong();
        }
        if (failure == null) {
            return new Outcome.Done(columns);
        }
        if (failure instanceof NoResultException) {
            return new Outcome.Failed(failure.getMessage()); // It would fail again.
        }
        log.warn("Attempt {} of {} at job {} failed", job.attempt(), properties.attempts(), job.id(), failure);
        if (job.attempt() < properties.attempts()) {
            return new Outcome.Retry(properties.retryDelay().multipliedBy(1L << Math.min(job.attempt() - 1, 10)));
        }
        String reason = failure instanceof IllegalArgumentException ? failure.getMessage() : "The worker's log says why.";
        return new Outcome.Failed("Given up after " + job.attempt() + " attempts. " + reason);
    }

    private Outcome tookTooLong() {
        return new Outcome.Failed("It was not computed within " + properties.timeLimit().toSeconds() + " s.");
    }

    /** Writes the outcome down, as soon as the database is there. */
    private void write(Job job, Outcome outcome) throws InterruptedException {
        while (true) {
            try {
                told(job, outcome, queue.finish(job, outcome));
                return;
            } catch (RuntimeException e) {
                if (!refused(e)) {
                    log.warn("The outcome of job {} cannot be written, next try in {}: {}", job.id(), properties.maxIdle(), e.toString());
                    Thread.sleep(properties.maxIdle().toMillis());
                } else if (outcome instanceof Outcome.Done) {
                    log.error("The database refuses the result of job {}", job.id(), e);
                    outcome = new Outcome.Failed("The database refused its result: the worker's log says why.");
                } else {
                    throw e;
                }
            }
        }
    }

    private void told(Job job, Outcome outcome, boolean mine) {
        if (mine) {
            metrics.written(outcome);
        } else {
            log.warn("What was computed of job {} is thrown away: it was deleted, or its lease ended", job.id());
        }
    }

    /** Whether the database is there and does not want this statement, rather than any. */
    private static boolean refused(RuntimeException e) {
        if (e.getCause() instanceof SQLException sql && "45000".equals(sql.getSQLState())) {
            return true; // A trigger's SIGNAL, which the driver takes for a broken connection.
        }
        if (!(e instanceof DataAccessException || e instanceof TransactionException)) {
            return true; // Not the database's.
        }
        return e instanceof NonTransientDataAccessException
                && !(e instanceof NonTransientDataAccessResourceException || e instanceof UncategorizedDataAccessException);
    }

    private void keep() {
        try {
            for (Run run : runs) {
                quietly(UNTOLD, () -> keep(run));
            }
            for (Batch batch : batches) {
                if (batch.age().compareTo(interval()) > 0) {
                    breakUp(batch);
                }
            }
        } catch (Throwable e) {
            log.error("The leases cannot be renewed", e);
            breakDown();
        }
    }

    private void keep(Run run) {
        Duration over = run.age().minus(properties.timeLimit());
        if (over.compareTo(PATIENCE) > 0 && run.leave()) {
            log.error("Job {} takes longer than {} s and does not heed an interrupt", run.job.id(), properties.timeLimit().toSeconds());
            runs.remove(run);
            working.remove(run.thread);
            quietly(UNTOLD, () -> told(run.job, tookTooLong(), queue.finish(run.job, tookTooLong())));
            breakDown();
            return;
        }
        if (!over.isNegative()) {
            run.overdue();
        }
        if (run.sinceRenewal().compareTo(properties.lease().dividedBy(3)) > 0) {
            long asked = System.nanoTime();
            queue.renew(run.job, properties.lease());
            run.renewed = asked;
        }
    }

    private Duration interval() {
        return shorter(properties.lease().dividedBy(6), Duration.ofSeconds(1));
    }

    private void breakDown() {
        if (broken.compareAndSet(false, true)) {
            log.error("The worker cannot work on: the process ends, to be started again");
            end.run();
        }
    }

    private static void quietly(String failure, Runnable action) {
        try {
            action.run();
        } catch (RuntimeException e) {
            log.warn("{}: {}", failure, e.toString());
        }
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    private void pause(Duration idle) throws InterruptedException {
        stopping.await(idle.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Jobs that were claimed together: each is in one of its queues, or being computed. */
    private static class Batch {

        final Deque<Job> waiting;
        final Deque<Run> computed = new ConcurrentLinkedDeque<>();
        final long claimed = System.nanoTime();

        Batch(List<Job> jobs) {
            waiting = new ConcurrentLinkedDeque<>(jobs);
        }

        Duration age() {
            return Duration.ofNanos(System.nanoTime() - claimed);
        }

        synchronized List<Run> take() {
            List<Run> taken = List.copyOf(computed);
            computed.clear();
            return taken;
        }

        /** Takes what is computed, unless it cannot be finished now. */
        synchronized List<Run> settle(Predicate<List<Run>> finish) {
            List<Run> taken = List.copyOf(computed);
            if (!taken.isEmpty() && finish.test(taken)) {
                computed.removeAll(taken);
                return taken;
            }
            return List.of();
        }
    }

    /** A job in a worker's hands, on the thread that made this. */
    private static class Run {

        private enum State { COMPUTING, OVERDUE, COMPUTED, LEFT }

        final Job job;
        final Thread thread = Thread.currentThread();
        private final long started = System.nanoTime();
        private volatile long renewed;
        private State state = State.COMPUTING;
        private volatile Outcome outcome;

        Run(Job job, long claimed) {
            this.job = job;
            this.renewed = claimed;
        }

        Duration age() {
            return Duration.ofNanos(System.nanoTime() - started);
        }

        Duration sinceRenewal() {
            return Duration.ofNanos(System.nanoTime() - renewed);
        }

        /** Interrupts the computation, and never what the thread does after it. */
        synchronized void overdue() {
            if (state == State.COMPUTING) {
                state = State.OVERDUE;
                thread.interrupt();
            }
        }

        /** The thread is back from the computation: says whether that was within its time. */
        synchronized boolean computed() {
            boolean inTime = state == State.COMPUTING;
            if (state != State.LEFT) {
                state = State.COMPUTED;
            }
            Thread.interrupted();
            return inTime;
        }

        synchronized boolean isLeft() {
            return state == State.LEFT;
        }

        /** Says whether the computation is still going on, and if so, that nobody waits for it any more. */
        synchronized boolean leave() {
            boolean computing = state == State.COMPUTING || state == State.OVERDUE;
            if (computing) {
                state = State.LEFT;
            }
            return computing;
        }
    }
}
