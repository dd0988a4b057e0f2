package dev.slipway.analysis.mixnode.packet;

import java.util.Locale;

/** The three positions of a node, in the order in which a packet passes them. */
public enum Hop {
    ENTRY,
    MIDDLE,
    EXIT;

    /** Bytes of a layer beside its ciphertext: what the nodes before have cut off the packet and filled up again. */
    int paddingLength() {
        return ordinal() * Layer.REMOVED_BY_A_RELAY;
    }

    /** @return {@code entry}, {@code middle} or {@code exit} */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
