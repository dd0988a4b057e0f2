package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Opener;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where submissions end when there is no service: they are logged, and counted as forwarded. */
final class Sink implements NextHop {

    private static final Logger log = LoggerFactory.getLogger(Sink.class);

    @Override
    public CompletableFuture<List<Outcome>> send(List<? extends Opener.Opened> batch, long deadline) {
        for (Opener.Opened opened : batch) {
            Opener.Submission submission = (Opener.Submission) opened;
            log.info("Submission {} of {} bytes ends here: this exit has no NEXT_HOP", submission.idempotencyKey(), submission.content().length);
        }
        return CompletableFuture.completedFuture(Collections.nCopies(batch.size(), Outcome.DELIVERED));
    }
}
