package dev.slipway.analysis.mixnode.packet;

import com.google.crypto.tink.HybridDecrypt;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.UUID;

/** The node's part: removes the one layer that is sealed for its key. */
public final class Opener {

    /** What a node finds in a packet. */
    public sealed interface Opened permits Relayed, Submission {

        /** @return the minute since 1970 in which the sender made the packet */
        int minute();
    }

    /** @param packet the packet for the next node */
    public record Relayed(int minute, byte[] packet) implements Opened {}

    /** What the exit finds. */
    public record Submission(int minute, UUID idempotencyKey, byte[] content) implements Opened {}

    /** The packet was not made for this node's key, or was changed on its way, or holds what no sender writes. */
    public static final class RefusedException extends Exception {

        RefusedException(Throwable cause) {
            super(cause);
        }
    }

    private final Hop hop;
    private final HybridDecrypt key;

    /** @param key the node's private key */
    public Opener(Hop hop, HybridDecrypt key) {
        this.hop = hop;
        this.key = key;
    }

    /** @param packet of {@link Layer#PACKET_LENGTH} */
    public Opened open(byte[] packet) throws RefusedException {
        int padding = Layer.PACKET_LENGTH - hop.paddingLength();
        try {
            ByteBuffer plaintext = ByteBuffer.wrap(key.decrypt(
                    Arrays.copyOf(packet, padding), Layer.info(Arrays.copyOfRange(packet, padding, packet.length))));
            int minute = plaintext.getInt();
            return hop == Hop.EXIT ? submission(minute, plaintext) : relayed(minute, plaintext);
        } catch (GeneralSecurityException | RuntimeException e) {
            throw new RefusedException(e);
        }
    }

    private Relayed relayed(int minute, ByteBuffer plaintext) throws GeneralSecurityException {
        byte[] seed = bytes(plaintext, Layer.SEED_LENGTH);
        return new Relayed(minute, ByteBuffer.allocate(Layer.PACKET_LENGTH)
                .put(plaintext)
                .put(Layer.padding(Hop.values()[hop.ordinal() + 1], seed))
                .array());
    }

    private static Submission submission(int minute, ByteBuffer plaintext) {
        UUID idempotencyKey = new UUID(plaintext.getLong(), plaintext.getLong());
        return new Submission(minute, idempotencyKey, bytes(plaintext, plaintext.getShort()));
    }

    private static byte[] bytes(ByteBuffer buffer, int length) {
        byte[] bytes = new byte[length];
        buffer.get(bytes);
        return bytes;
    }
}
