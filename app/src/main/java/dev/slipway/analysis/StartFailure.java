package dev.slipway.analysis;

import java.sql.SQLException;
import org.flywaydb.core.internal.exception.FlywayMigrateException;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.BeanCreationException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.core.annotation.Order;

/** Why the service does not start: its message, and how to mend it, are printed in the place of a stack trace. */
public class StartFailure extends RuntimeException {

    private final @Nullable String mend;

    /** @param mend what to do; null where the message says it */
    public StartFailure(String message, @Nullable String mend) {
        super(message);
        this.mend = mend;
    }

    static class Analyzer extends AbstractFailureAnalyzer<StartFailure> {

        @Override
        protected FailureAnalysis analyze(Throwable root, StartFailure cause) {
            return new FailureAnalysis(cause.getMessage(), cause.mend, cause);
        }
    }

    /** A start outside a container, without what starts a database: Spring Boot's own analysis advises an in-memory one. */
    @Order(0)
    static class NoDatabase extends AbstractFailureAnalyzer<BeanCreationException> {

        @Override
        protected @Nullable FailureAnalysis analyze(Throwable root, BeanCreationException cause) {
            return "Failed to determine a suitable driver class".equals(NestedExceptionUtils.getMostSpecificCause(cause).getMessage())
                    ? new FailureAnalysis(
                            "No database is configured.",
                            "Run mvn -f app spring-boot:test-run, or TestApplication in an IDE: both bring one. Or set SPRING_DATASOURCE_URL.",
                            cause)
                    : null;
        }
    }

    /** A migration that gave up waiting for a table: says whose it was, and how to find who holds the table. */
    static class TableInUse extends AbstractFailureAnalyzer<FlywayMigrateException> {

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
}
