package dev.slipway.analysis.mixnode.packet;

import com.google.crypto.tink.subtle.Hkdf;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Instant;

/**
 * The packet's format, the same for sender and node. On the wire a packet is {@link #PACKET_LENGTH} bytes that all look
 * random, on every hop:
 *
 * <pre>
 *             ciphertext                                    padding
 *   entry     2048                                             0
 *   middle    1964                                            84
 *   exit      1880                                           168
 * </pre>
 *
 * <p>The ciphertext is HPKE (RFC 9180: X25519, HKDF-SHA256, AES-256-GCM) for the node's key. A relay finds in it the
 * minute in which the packet was made, a seed, and the next node's ciphertext, 84 bytes shorter than its own; it makes
 * 84 bytes more of padding than it got out of the seed, and passes on 2048 bytes again. The sender knows every seed,
 * and so binds each ciphertext to its padding (HPKE's {@code info}). A node thereby refuses a packet of which any byte
 * was changed, so that nobody can mark a packet before one node and know it again behind it. Each layer is sealed with
 * a fresh key pair, so nothing that comes in equals anything that goes out.
 *
 * <p>A node knows how long its ciphertext is by its own position, and nothing in the packet says so.
 */
public final class Layer {

    /** The length of every packet on every hop. */
    public static final int PACKET_LENGTH = 2048;

    /** HPKE's: an X25519 public key in front and a tag behind. */
    static final int HPKE_OVERHEAD = 32 + 16;

    static final int MINUTE_LENGTH = Integer.BYTES;
    static final int SEED_LENGTH = 32;
    static final int REMOVED_BY_A_RELAY = HPKE_OVERHEAD + MINUTE_LENGTH + SEED_LENGTH;

    static final int IDEMPOTENCY_KEY_LENGTH = 2 * Long.BYTES;

    /** The longest submission that fits in a packet. */
    public static final int MAX_SUBMISSION_LENGTH = PACKET_LENGTH
            - 2 * REMOVED_BY_A_RELAY
            - HPKE_OVERHEAD
            - MINUTE_LENGTH
            - IDEMPOTENCY_KEY_LENGTH
            - Short.BYTES;

    private static final byte[] PROTOCOL = "betanet packet 1".getBytes(StandardCharsets.US_ASCII);

    private Layer() {}

    static int minute(Instant time) {
        return Math.toIntExact(time.getEpochSecond() / 60);
    }

    /** What the ciphertext is bound to. */
    static byte[] info(byte[] padding) {
        byte[] info = new byte[PROTOCOL.length + padding.length];
        System.arraycopy(PROTOCOL, 0, info, 0, PROTOCOL.length);
        System.arraycopy(padding, 0, info, PROTOCOL.length, padding.length);
        return info;
    }

    /** The padding of the packet for this hop, out of the seed that the node before finds. */
    static byte[] padding(Hop hop, byte[] seed) throws GeneralSecurityException {
        return Hkdf.computeHkdf("HMACSHA256", seed, new byte[0], PROTOCOL, hop.paddingLength());
    }
}
