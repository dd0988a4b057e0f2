package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Keys;
import dev.slipway.analysis.mixnode.packet.Layer;
import dev.slipway.analysis.mixnode.packet.Opener;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
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
 * packet for a submission that was not, with the same idempotency key. The price is a connection that stays open until
 * the answer, on every hop.
 *
 * <p>The batch is acknowledged as one and in random order, for an answer that followed its own packet's would tell who
 * watches both sides of the node which packet was whose.
 */
@Component
final class Node implements DisposableBean {

    private static final Logger log = LoggerFactory.getLogger(Node.class);

    private record Waiting(Opener.Opened opened, long receivedAt, long pooledAt, CompletableFuture<Outcome> outcome) {}

    private record Sent(Waiting packet, CompletableFuture<Outcome> outcome) {}

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
        nextHop = properties.nextHop().isEmpty() ? new Sink() : new HttpHop(properties);
        room = new Semaphore(properties.packetLimit());
        workers = Executors.newFixedThreadPool(properties.pipelineWorkers(), new CustomizableThreadFactory("worker-"));
        pool = new Pool<>(properties.mixBatchSize(), properties.mixDelay(), timer, this::forward);
        metrics.gauge("mixnode.packets.held", "Packets that are in the node", () -> properties.packetLimit() - room.availablePermits());
        metrics.gauge("mixnode.pool.packets", "Packets that wait for their batch", pool::size);
        metrics.gauge("mixnode.replay.packets", "Packets that are remembered", replays::size);
    }

    /** @return completes when it is known what became of the packet */
    CompletableFuture<Outcome> accept(byte[] packet) {
        long receivedAt = System.nanoTime();
        CompletableFuture<Outcome> outcome = new CompletableFuture<>();
        metrics.received();
        if (packet.length != Layer.PACKET_LENGTH) {
            outcome.complete(Outcome.WRONG_SIZE);
        } else if (!room.tryAcquire()) {
            outcome.complete(Outcome.BUSY);
        } else {
            outcome.whenComplete((ended, failure) -> room.release());
            workers.execute(() -> open(packet, receivedAt, outcome)); // The queue before them is as long as there is room.
        }
        return outcome.whenComplete((ended, failure) -> metrics.ended(ended));
    }

    private void open(byte[] packet, long receivedAt, CompletableFuture<Outcome> outcome) {
        Opener.Opened opened;
        long start = System.nanoTime();
        try {
            opened = opener.open(packet);
        } catch (Opener.RefusedException e) {
            outcome.complete(Outcome.NOT_FOR_THIS_KEY);
            return;
        }
        metrics.unwrap.record(System.nanoTime() - start, TimeUnit.NANOSECONDS);
        Outcome seen = replays.remember(packet, opened);
        if (seen != Outcome.DELIVERED) {
            outcome.complete(seen);
            return;
        }
        pool.add(new Waiting(opened, receivedAt, System.nanoTime(), outcome));
    }

    private void forward(List<Waiting> batch) {
        long deadline = System.nanoTime() + properties.giveUpAfter().toNanos();
        int lanes = Math.min(nextHop.lanes(), batch.size());
        List<Sent> sent = new ArrayList<>();
        List<CompletableFuture<Outcome>> ends = new ArrayList<>();
        for (int lane = 0; lane < lanes; lane++) {
            CompletableFuture<Outcome> last = CompletableFuture.completedFuture(Outcome.DELIVERED);
            for (int i = lane; i < batch.size(); i += lanes) {
                Waiting packet = batch.get(i);
                last = last.thenCompose(before -> send(packet, deadline)).exceptionally(Node::failed);
                sent.add(new Sent(packet, last));
            }
            ends.add(last);
        }
        CompletableFuture.allOf(ends.toArray(CompletableFuture[]::new))
                .thenRun(() -> Pool.shuffled(sent).forEach(one -> one.packet.outcome.complete(one.outcome.join())));
    }

    private CompletableFuture<Outcome> send(Waiting packet, long deadline) {
        long now = System.nanoTime();
        metrics.mixDelay.record(now - packet.pooledAt, TimeUnit.NANOSECONDS);
        metrics.hopLatency.record(now - packet.receivedAt, TimeUnit.NANOSECONDS);
        return nextHop.send(packet.opened, deadline)
                .whenComplete((outcome, failure) -> metrics.acknowledgement.record(System.nanoTime() - now, TimeUnit.NANOSECONDS));
    }

    private static Outcome failed(Throwable failure) {
        log.error("Unexpected error", failure);
        return Outcome.NEXT_HOP_DOWN;
    }

    /** Comes after the web server has answered the last packet. */
    @Override
    public void destroy() {
        workers.shutdown();
        timer.shutdown();
    }
}
