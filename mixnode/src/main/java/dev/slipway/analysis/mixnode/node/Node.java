package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Hop;
import dev.slipway.analysis.mixnode.packet.Keys;
import dev.slipway.analysis.mixnode.packet.Opener;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Clock;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;
import org.springframework.stereotype.Component;

/**
 * A packet's way through the node: a worker removes its layer, it waits in the pool, it leaves with its batch in random
 * order, and when the whole batch has been answered for, so is it.
 *
 * <p>An acknowledgement says that the service has the submission, not merely that this node has the packet: a node holds
 * packets in memory alone, and one that is killed loses them, but none that was acknowledged. The sender makes a new
 * packet for a submission that was not, with the same idempotency key. The price is that an answer takes as long as the
 * packet's whole way, and that a node has a request of each batch open for as long.
 *
 * <p>The batch is acknowledged as one and in random order, for an answer that followed its own packet's would tell who
 * watches both sides of the node which packet was whose.
 */
@Component
final class Node implements DisposableBean {

    private static final Logger log = LoggerFactory.getLogger(Node.class);
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private record Waiting(Opener.Opened opened, long receivedAt, long pooledAt, CompletableFuture<Outcome> outcome) {}

    private final NodeProperties properties;
    private final Metrics metrics;
    private final Opener opener;
    private final ReplayCache replays;
    private final NextHop nextHop;
    private final Semaphore room;
    private final ExecutorService workers;
    private final ScheduledExecutorService timer =
            Executors.newSingleThreadScheduledExecutor(new CustomizableThreadFactory("mix-"));
    private final Pool<Waiting> pool;

    Node(NodeProperties properties, Metrics metrics) {
        this.properties = properties;
        this.metrics = metrics;
        opener = new Opener(properties.hop(), Keys.readPrivate(properties.keyFile()));
        replays = new ReplayCache(Clock.systemUTC(), properties);
        nextHop = properties.nextHop().isEmpty()
                ? new Sink()
                : properties.isServiceNext() ? new Service(properties) : new Relay(properties);
        room = new Semaphore(properties.packetLimit());
        workers = Executors.newFixedThreadPool(properties.pipelineWorkers(), new CustomizableThreadFactory("worker-"));
        pool = new Pool<>(properties.mixBatchSize(), properties.mixDelay(), timer, this::forward);
        metrics.gauge("mixnode.packets.held", "Packets that are in the node", () -> properties.packetLimit() - room.availablePermits());
        metrics.gauge("mixnode.pool.packets", "Packets that wait for their batch", pool::size);
        metrics.gauge("mixnode.replay.packets", "Packets that are remembered", replays::size);
    }

    /** Counts a packet that is none. */
    Outcome refuse(Outcome outcome) {
        metrics.received();
        metrics.ended(outcome);
        return outcome;
    }

    /** @return completes when it is known what became of the packet */
    CompletableFuture<Outcome> accept(byte[] packet) {
        if (!room.tryAcquire()) {
            return CompletableFuture.completedFuture(refuse(Outcome.BUSY));
        }
        long receivedAt = System.nanoTime();
        metrics.received();
        CompletableFuture<Outcome> outcome = new CompletableFuture<>();
        workers.execute(() -> open(packet, receivedAt, outcome)); // The queue before them is as long as there is room.
        return outcome.whenComplete((ended, failure) -> {
            room.release();
            metrics.ended(ended);
        });
    }

    private void open(byte[] packet, long receivedAt, CompletableFuture<Outcome> outcome) {
        Opener.Opened opened;
        long cpu = THREADS.getCurrentThreadCpuTime();
        try {
            opened = opener.open(packet);
        } catch (Opener.RefusedException e) {
            outcome.complete(Outcome.NOT_FOR_THIS_KEY);
            return;
        }
        metrics.unwrap.record(THREADS.getCurrentThreadCpuTime() - cpu, TimeUnit.NANOSECONDS);
        Outcome seen = replays.remember(packet, opened);
        if (seen != Outcome.DELIVERED) {
            outcome.complete(seen);
            return;
        }
        pool.add(new Waiting(opened, receivedAt, System.nanoTime(), outcome));
    }

    private void forward(List<Waiting> batch) {
        long now = System.nanoTime();
        for (Waiting packet : batch) {
            metrics.mixDelay.record(now - packet.pooledAt, TimeUnit.NANOSECONDS);
            metrics.hopLatency.record(now - packet.receivedAt, TimeUnit.NANOSECONDS);
        }
        // Whatever is thrown, and from wherever, every packet gets its answer.
        CompletableFuture.completedFuture(batch.stream().map(Waiting::opened).toList())
                .thenCompose(opened -> nextHop.send(opened, now + properties.giveUpAfter().toNanos()))
                .exceptionally(failure -> {
                    log.error("Unexpected error", failure);
                    return Collections.nCopies(batch.size(), Outcome.NEXT_HOP_DOWN);
                })
                .thenAccept(outcomes -> {
                    metrics.acknowledgement.record(System.nanoTime() - now, TimeUnit.NANOSECONDS);
                    Pool.shuffled(IntStream.range(0, batch.size()).boxed().toList())
                            .forEach(i -> batch.get(i).outcome.complete(outcomes.get(i)));
                });
    }

    /** Comes after the web server has answered the last packet. */
    @Override
    public void destroy() {
        workers.shutdown();
        timer.shutdown();
    }
}
