package dev.slipway.analysis.mixnode.node;

import dev.slipway.analysis.mixnode.packet.Opener;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where submissions end when there is no service: they are logged, and counted as forwarded. */
final class Sink implements NextHop {

    private static final Logger log = LoggerFactory.getLogger(Sink.class);

    @Override
    public CompletableFuture<Outcome> send(Opener.Opened opened, long deadline) {
        Opener.Submission submission = (Opener.Submission) opened;
        log.info("Submission {} of {} bytes ends here: this exit has no NEXT_HOP", submission.idempotencyKey(), submission.content().length);
        return CompletableFuture.completedFuture(Outcome.DELIVERED);
    }

    @Override
    public int lanes() {
        return 1;
    }
}
