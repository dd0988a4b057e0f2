package dev.slipway.analysis.mixnode.packet;

import com.google.crypto.tink.HybridEncrypt;
import com.google.crypto.tink.subtle.Random;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;

/** The sender's part: wraps a submission once for each node, the last one's layer first. */
public final class Sealer {

    private final Map<Hop, HybridEncrypt> keys;

    /** @param keys the public key of each of the three nodes */
    public Sealer(Map<Hop, HybridEncrypt> keys) {
        this.keys = Map.copyOf(keys);
    }

    /**
     * Makes a packet for the entry. Two packets of one submission have nothing in common for anyone but the exit.
     *
     * @param idempotencyKey what the service knows a repeated submission by
     * @throws IllegalArgumentException if the submission is longer than {@link Layer#MAX_SUBMISSION_LENGTH}
     */
    public byte[] seal(UUID idempotencyKey, byte[] submission, Instant now) {
        if (submission.length > Layer.MAX_SUBMISSION_LENGTH) {
            throw new IllegalArgumentException("The submission is " + submission.length + " bytes long, and a packet holds "
                    + Layer.MAX_SUBMISSION_LENGTH + ": send fewer values at once.");
        }
        int minute = Layer.minute(now);
        try {
            byte[] exitSeed = Random.randBytes(Layer.SEED_LENGTH);
            byte[] middleSeed = Random.randBytes(Layer.SEED_LENGTH);
            byte[] exit = seal(Hop.EXIT, exitSeed, plaintext(Hop.EXIT)
                    .putInt(minute)
                    .putLong(idempotencyKey.getMostSignificantBits())
                    .putLong(idempotencyKey.getLeastSignificantBits())
                    .putShort((short) submission.length)
                    .put(submission));
            byte[] middle = seal(Hop.MIDDLE, middleSeed, plaintext(Hop.MIDDLE).putInt(minute).put(exitSeed).put(exit));
            return seal(Hop.ENTRY, new byte[Layer.SEED_LENGTH], plaintext(Hop.ENTRY).putInt(minute).put(middleSeed).put(middle));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e); // No input of the right length makes sealing fail.
        }
    }

    private static ByteBuffer plaintext(Hop hop) {
        return ByteBuffer.allocate(Layer.PACKET_LENGTH - hop.paddingLength() - Layer.HPKE_OVERHEAD);
    }

    private byte[] seal(Hop hop, byte[] seed, ByteBuffer plaintext) throws GeneralSecurityException {
        return keys.get(hop).encrypt(plaintext.array(), Layer.info(Layer.padding(hop, seed)));
    }
}
