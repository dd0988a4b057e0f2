package dev.slipway.analysis.production;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.analysis.Application;
import dev.slipway.analysis.ServiceTest;
import dev.slipway.analysis.StartFailure;
import dev.slipway.analysis.database.DatabaseConfiguration;
import dev.slipway.analysis.database.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.configuration.FluentConfiguration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.flyway.autoconfigure.FlywayConnectionDetails;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** Every state that Flyway knows, each in a history of its own whose migrations do nothing. */
@ServiceTest
@ExtendWith(OutputCaptureExtension.class)
class PendingMigrationsTest {

    private static final String TABLE = "gate_history";

    @TempDir
    Path files;

    @Autowired
    FlywayConnectionDetails migrator;

    @Autowired
    TestDatabase database;

    @AfterEach
    void dropTheHistory() {
        database.sql("DROP TABLE IF EXISTS " + TABLE).update();
    }

    @Test
    void aDryRunNamesWhatIsPendingAndRunsNothing(CapturedOutput output) {
        start("--migrate.dry-run=true");
        assertThat(output).contains("Pending migrations: none");
    }

    @Test
    void aSchemaWithoutAHistoryIsRefusedWithTheSentenceAlone(CapturedOutput output) {
        assertThatThrownBy(() -> start("--migrate.dry-run=true", "--spring.flyway.table=" + TABLE)).isNotNull();
        assertThat(output).contains("The schema app has ", "set SPRING_FLYWAY_BASELINE_ON_MIGRATE=true once").doesNotContain("\tat ");
    }

    @Test
    void whatHasNotRunIsPending(CapturedOutput output) throws IOException {
        have("V1__one", "V2__two", "R__view");
        check();
        assertThat(output).contains("Pending migrations: V1, V2, R__view");

        migrate();
        check();
        assertThat(output).contains("Pending migrations: none");

        change("R__view"); // Outdated, and pending again.
        check();
        migrate(); // Superseded.
        have("V3__three");
        check();
        assertThat(output).containsPattern("Pending migrations: R__view[^,]").containsPattern("Pending migrations: V3[^,]");
    }

    @Test
    void whatRanInAnotherVersionIsNoFault(CapturedOutput output) throws IOException {
        have("V1__one", "V2__two");
        migrate();
        Files.delete(files.resolve("V2__two.sql"));

        check(); // Future: this is the version before, to which a deploy goes back.
        database.sql("UPDATE " + TABLE + " SET success = 0 WHERE version = '2'").update();
        check();
        migrate();

        assertThat(output).containsPattern("(?s)Pending migrations: none.*Pending migrations: none");
        assertThatThrownBy(() -> new PendingMigrations().migrate(flyway(flyway -> flyway.ignoreMigrationPatterns("*:pending"))))
                .hasMessageContaining("V2 failed before");
        database.sql("UPDATE " + TABLE + " SET success = 1 WHERE version = '2'").update();
        assertThatThrownBy(() -> new PendingMigrations().migrate(flyway(flyway -> flyway.ignoreMigrationPatterns("*:pending"))))
                .hasMessageContaining("V2 ran and is newer than this version: deploy one that has it.");
    }

    @Test
    void whatComesLateIsRefusedUnlessItIsPermitted(CapturedOutput output) throws IOException {
        have("V1__one", "V3__three");
        migrate();
        have("V2.1__late");

        refused("V2.1 comes late, after a higher one ran, so it would never run: give it a version above that.");

        Flyway permitted = flyway(flyway -> flyway.outOfOrder(true));
        new PendingMigrations().migrate(permitted);
        assertThat(output).contains("Pending migrations: V2.1");
        permitted.migrate(); // Out of order.
        check();
        assertThat(output).contains("Pending migrations: none");
    }

    @Test
    void whatFailedIsRefused() throws IOException {
        have("V1__one");
        Files.writeString(files.resolve("V2__two.sql"), "NONSENSE;");
        assertThatThrownBy(this::migrate).isInstanceOf(FlywayException.class);

        refused("V2 failed before: undo what it did, remove its row from " + TABLE + " and deploy again, as docs/migrations.md says.");

        Files.delete(files.resolve("V2__two.sql"));
        have("V3__three");
        refused("V2 failed before");
    }

    @Test
    void whatIsMissingIsRefused() throws IOException {
        have("V1__one", "V2__two");
        migrate();
        Files.delete(files.resolve("V1__one.sql"));

        refused("V1 ran and is not in this version: put its file back.");
        new PendingMigrations().migrate(flyway(flyway -> flyway.ignoreMigrationPatterns("*:missing")));
    }

    @Test
    void aChangedFileIsRefused() throws IOException {
        have("V1__one");
        migrate();
        change("V1__one");

        refused("V1 is not the file that ran: put that back, and make the change in a new migration.");
    }

    @Test
    void whatTheTargetLeavesOutIsRefused() throws IOException {
        have("V1__one", "V2__two");

        assertThatThrownBy(() -> new PendingMigrations().migrate(flyway(flyway -> flyway.target("1"))))
                .hasMessage("V2 is above spring.flyway.target, so it would not run: raise or remove that.");
    }

    @Test
    void whatABaselineStandsForIsNotPending(CapturedOutput output) throws IOException {
        have("V1__one", "V2__two", "V3__three");
        Flyway flyway = flyway(configuration -> configuration.baselineVersion("2"));
        flyway.baseline();

        new PendingMigrations().migrate(flyway);

        assertThat(output).contains("Pending migrations: V3");
    }

    @Test
    void whatARepairRemovedIsNotPending(CapturedOutput output) throws IOException {
        have("V1__one", "V2__two");
        migrate();
        Files.delete(files.resolve("V1__one.sql"));
        flyway(flyway -> flyway).repair(); // Deleted.

        check();

        assertThat(output).contains("Pending migrations: none");
    }

    private void have(String... names) throws IOException {
        for (String name : names) {
            Files.writeString(files.resolve(name + ".sql"), "DO 1;\n");
        }
    }

    private void change(String name) throws IOException {
        Files.writeString(files.resolve(name + ".sql"), "DO 2;\n");
    }

    private void migrate() {
        flyway(flyway -> flyway).migrate();
    }

    private void check() {
        new PendingMigrations().migrate(flyway(flyway -> flyway));
    }

    private void refused(String because) {
        assertThatThrownBy(this::check).isInstanceOf(StartFailure.class).hasMessageStartingWith(because);
    }

    private Flyway flyway(UnaryOperator<FluentConfiguration> change) {
        return change.apply(Flyway.configure()
                        .dataSource(migrator.getJdbcUrl(), migrator.getUsername(), migrator.getPassword())
                        .locations("filesystem:" + files)
                        .table(TABLE)
                        .baselineOnMigrate(true)
                        .baselineVersion("0"))
                .load();
    }

    private static void start(String... arguments) {
        new SpringApplicationBuilder(Application.class, DatabaseConfiguration.class).profiles("migrate").run(arguments).close();
    }
}
