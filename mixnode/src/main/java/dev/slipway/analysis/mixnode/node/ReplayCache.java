package dev.slipway.analysis.mixnode.node;

import com.carrotsearch.hppc.LongHashSet;
import dev.slipway.analysis.mixnode.packet.Opener;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.util.TreeMap;

/**
 * Knows a packet again. A packet says in which minute it was made; one that is older than the window is refused for its
 * age, so no more than the window's packets need to be remembered. When there are more than the limit, packets are put
 * off rather than the oldest forgotten.
 *
 * <p>The memory is the process's own: a node that was restarted takes a packet from before once more. The next node
 * does not, and at the exit the idempotency key makes it the same analysis.
 */
final class ReplayCache {

    /** How far a sender's clock may be ahead. */
    private static final int MINUTES_AHEAD = 1;

    private final Clock clock;
    private final int window;
    private final int limit;
    private final TreeMap<Integer, LongHashSet> packets = new TreeMap<>();
    private int size;

    ReplayCache(Clock clock, NodeProperties properties) {
        this.clock = clock;
        this.window = Math.toIntExact(properties.replayWindow().toMinutes());
        this.limit = properties.replayLimit();
    }

    /**
     * Remembers a packet that the node's key has opened.
     *
     * @return {@link Outcome#DELIVERED} if it may go on
     */
    synchronized Outcome remember(byte[] packet, Opener.Opened opened) {
        int now = Math.toIntExact(clock.instant().getEpochSecond() / 60);
        while (!packets.isEmpty() && packets.firstKey() < now - window) {
            size -= packets.pollFirstEntry().getValue().size();
        }
        if (opened.minute() < now - window || opened.minute() > now + MINUTES_AHEAD) {
            return Outcome.TOO_OLD;
        }
        // The packet begins with a public key that was made for it alone. Half of its first half's bits are enough: two
        // packets of a million agree in them once in thirty million windows, and then one is sent anew.
        boolean isNew = packets.computeIfAbsent(opened.minute(), minute -> new LongHashSet())
                .add(ByteBuffer.wrap(packet).getLong());
        if (!isNew) {
            return Outcome.REPLAYED;
        }
        if (size == limit) {
            packets.get(opened.minute()).remove(ByteBuffer.wrap(packet).getLong());
            return Outcome.BUSY;
        }
        size++;
        return Outcome.DELIVERED;
    }

    synchronized int size() {
        return size;
    }
}
