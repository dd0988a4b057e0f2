package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Opener;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Where opened packets go from here. */
interface NextHop {

    /**
     * Sends a batch, and what did not get through again until the deadline.
     *
     * @param deadline by {@link System#nanoTime}
     * @return what became of each, in the batch's order
     */
    CompletableFuture<List<Outcome>> send(List<? extends Opener.Opened> batch, long deadline);
}
