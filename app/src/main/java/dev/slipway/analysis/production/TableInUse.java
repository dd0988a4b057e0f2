package dev.slipway.analysis.production;

import java.sql.SQLException;
import org.flywaydb.core.internal.exception.FlywayMigrateException;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** A migration that gave up waiting for a table: says whose it was, and how to find who holds the table. */
class TableInUse extends AbstractFailureAnalyzer<FlywayMigrateException> {

    private static final int LOCK_WAIT_TIMEOUT = 1205;

    @Override
    protected @Nullable FailureAnalysis analyze(Throwable root, FlywayMigrateException cause) {
        SQLException sql = findCause(cause, SQLException.class);
        if (sql == null || sql.getErrorCode() != LOCK_WAIT_TIMEOUT) {
            return null;
        }
        return new FailureAnalysis(
                "The migration " + cause.getMigration().getScript()
                        + " waited 2 s for a table that a transaction holds, and gave up so that requests do not wait with it.",
                "Find the transaction with SHOW PROCESSLIST, let it end or KILL it, remove the failed row of the history, and migrate "
                        + "again: see \"A table in use\" in docs/migrations.md.",
                cause);
    }
}
