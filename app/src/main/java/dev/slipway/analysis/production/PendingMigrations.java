package dev.slipway.analysis.production;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.flywaydb.core.Flyway;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.flyway.autoconfigure.FlywayMigrationStrategy;
import org.springframework.context.annotation.Profile;
import org.springframework.stereotype.Component;

/** Says which migrations would run, and runs none: what scripts/deploy.sh asks before it decides on a backup. */
@Component
@Profile("migrate")
@ConditionalOnBooleanProperty("migrate.dry-run")
class PendingMigrations implements FlywayMigrationStrategy {

    private static final Logger log = LoggerFactory.getLogger(PendingMigrations.class);

    @Override
    public void migrate(Flyway flyway) {
        String pending = Arrays.stream(flyway.info().pending())
                .map(migration -> "V" + migration.getVersion())
                .collect(Collectors.joining(", "));
        log.info("Pending migrations: {}", pending.isEmpty() ? "none" : pending);
    }
}
