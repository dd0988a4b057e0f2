package dev.slipway.analysis.production;

import dev.slipway.analysis.StartFailure;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.MigrationInfo;
import org.flywaydb.core.api.MigrationState;
import org.flywaydb.core.api.configuration.Configuration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.flyway.autoconfigure.FlywayMigrationStrategy;
import org.springframework.context.annotation.Profile;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;

/**
 * Says which migrations would run, and runs none: what scripts/deploy.sh asks before it decides on a backup. Fails where
 * they would not all run, so that no version is deployed whose schema is not there.
 */
@Component
@Profile("migrate")
@ConditionalOnBooleanProperty("migrate.dry-run")
class PendingMigrations implements FlywayMigrationStrategy {

    private static final Logger log = LoggerFactory.getLogger(PendingMigrations.class);

    @Override
    public void migrate(Flyway flyway) {
        MigrationInfo[] all = flyway.info().all();
        List<String> wrong = Stream.concat(
                        Stream.ofNullable(foreignSchema(flyway.getConfiguration())),
                        Arrays.stream(all).map(migration -> wrong(migration, flyway.getConfiguration())))
                .filter(Objects::nonNull).toList();
        if (!wrong.isEmpty()) {
            throw new StartFailure(String.join("\n", wrong), null);
        }
        String pending = Arrays.stream(all)
                .filter(migration -> migration.getState() == MigrationState.PENDING)
                .map(PendingMigrations::name)
                .collect(Collectors.joining(", "));
        log.info("Pending migrations: {}", pending.isEmpty() ? "none" : pending);
    }

    /** What is wrong with a migration and how to mend it, or null. */
    private static @Nullable String wrong(MigrationInfo migration, Configuration configuration) {
        MigrationState state = migration.getState();
        // As Flyway does, which goes on after a newer version's migration failed: the version before is deployed again.
        MigrationState ignored = state == MigrationState.FUTURE_FAILED ? MigrationState.FUTURE_SUCCESS : state;
        if (Arrays.stream(configuration.getIgnoreMigrationPatterns())
                .anyMatch(pattern -> pattern.matchesMigration(migration.isVersioned(), ignored))) {
            return null;
        }
        String name = name(migration);
        return switch (state) {
            case IGNORED -> name + " comes late, after a higher one ran, so it would never run: give it a version above that.";
            case ABOVE_TARGET -> name + " is above spring.flyway.target, so it would not run: raise or remove that.";
            case FAILED, MISSING_FAILED, FUTURE_FAILED -> name
                    + " failed before: undo what it did, remove its row from " + configuration.getTable()
                    + " and deploy again, as docs/migrations.md says.";
            case MISSING_SUCCESS -> name + " ran and is not in this version: put its file back.";
            case FUTURE_SUCCESS -> name + " ran and is newer than this version: deploy one that has it.";
            case SUCCESS, OUT_OF_ORDER -> migration.isVersioned() && !sameFile(migration)
                    ? name + " is not the file that ran: put that back, and make the change in a new migration." : null;
            case PENDING, OUTDATED, SUPERSEDED, UNDONE, AVAILABLE, DELETED, BASELINE, BASELINE_IGNORED, BELOW_BASELINE -> null;
        };
    }

    private static boolean sameFile(MigrationInfo migration) {
        return migration.isChecksumMatching() && migration.isDescriptionMatching() && migration.isTypeMatching();
    }

    private static String name(MigrationInfo migration) {
        return migration.getVersion() == null ? "R__" + migration.getDescription().replace(' ', '_') : "V" + migration.getVersion();
    }

    /** Flyway asks it itself only when it migrates. */
    private static @Nullable String foreignSchema(Configuration configuration) {
        if (configuration.isBaselineOnMigrate()) {
            return null;
        }
        return JdbcClient.create(configuration.getDataSource())
                .sql("""
                        SELECT DATABASE(), COUNT(*) + (SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = DATABASE())
                            + (SELECT COUNT(*) FROM information_schema.events WHERE event_schema = DATABASE()),
                            COALESCE(SUM(table_name = ?), 0) FROM information_schema.tables WHERE table_schema = DATABASE()
                        """)
                .param(configuration.getTable())
                .query((row, number) -> row.getInt(2) == 0 || row.getInt(3) > 0
                        ? null
                        : "The schema " + row.getString(1) + " has " + row.getInt(2) + " tables, routines and events that are not Flyway's, "
                                + "which has no history there: is it the right database? If it is, set SPRING_FLYWAY_BASELINE_ON_MIGRATE=true once.")
                .list()
                .get(0);
    }
}
