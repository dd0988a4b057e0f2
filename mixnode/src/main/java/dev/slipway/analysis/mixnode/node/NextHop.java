package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Opener;
import java.util.concurrent.CompletableFuture;

/** Where opened packets go from here. */
interface NextHop {

    /**
     * Sends one, and tries again until the deadline while that may help.
     *
     * @param deadline by {@link System#nanoTime}
     * @return completes, and never exceptionally, when the next hop has answered or was given up
     */
    CompletableFuture<Outcome> send(Opener.Opened opened, long deadline);

    /** @return how many of a batch are sent at the same time */
    int lanes();
}
