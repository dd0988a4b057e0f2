package dev.slipway.analysis.access;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.time.LocalDateTime;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.annotation.Profile;
import org.springframework.core.task.TaskExecutor;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;

/**
 * Counts and logs which tokens scripts/token.sh made and revoked, in each replica. The database is asked when somebody reads the
 * counters, at most once in {@link #FRESH}, and beside the reader.
 */
@Component
@Profile("web")
class TokenChanges implements MeterBinder {

    private static final Logger log = LoggerFactory.getLogger(TokenChanges.class);
    private static final Duration FRESH = Duration.ofSeconds(5);

    private final JdbcClient jdbc;
    private final TaskExecutor executor;
    private final AtomicBoolean asking = new AtomicBoolean();
    private volatile Seen seen = new Seen(0, 0, null);
    private volatile long asked = System.nanoTime() - FRESH.toNanos();

    private record Seen(long created, long revoked, @Nullable LocalDateTime at) {}

    private record Change(String name, boolean revoked) {}

    TokenChanges(JdbcClient jdbc, TaskExecutor executor) {
        this.jdbc = jdbc;
        this.executor = executor;
    }

    @Override
    public void bindTo(MeterRegistry meters) {
        FunctionCounter.builder("access.tokens.created", this, changes -> changes.seen().created).description("Tokens that were made").register(meters);
        FunctionCounter.builder("access.tokens.revoked", this, changes -> changes.seen().revoked).description("Those revoked").register(meters);
    }

    private Seen seen() {
        if (System.nanoTime() - asked >= FRESH.toNanos() && asking.compareAndSet(false, true)) {
            executor.execute(this::ask);
        }
        return seen;
    }

    private void ask() {
        try {
            Seen now = jdbc.sql("SELECT COUNT(*) AS created, COUNT(revoked_at) AS revoked, UTC_TIMESTAMP(6) AS at FROM access_token")
                    .query(Seen.class).single();
            if (now.created != seen.created || now.revoked != seen.revoked) {
                tellSince(seen.at);
            }
            seen = now;
        } catch (DataAccessException e) {
            log.debug("The changes of tokens are not known", e);
        } finally {
            asked = System.nanoTime();
            asking.set(false);
        }
    }

    private void tellSince(@Nullable LocalDateTime since) {
        jdbc.sql("""
                        SELECT name, FALSE AS revoked FROM access_token WHERE created_at >= :since
                        UNION ALL SELECT name, TRUE FROM access_token WHERE revoked_at >= :since
                        """)
                .param("since", since)
                .query(Change.class).list()
                .forEach(change -> log.info("The token {} was {}", change.name, change.revoked ? "revoked" : "made"));
    }
}
