package dev.slipway.analysis.worker;

/**
 * The table that is a queue. The inputs are in a second table, so that reading jobs does not read them:
 *
 * <pre>
 * CREATE TABLE job (
 *     id          BINARY(16)   NOT NULL PRIMARY KEY,
 *     status      ENUM('QUEUED', 'RUNNING', 'DONE', 'FAILED') NOT NULL,
 *     created_at  DATETIME(6)  NOT NULL,
 *     started_at  DATETIME(6),
 *     finished_at DATETIME(6),
 *     failure     VARCHAR(500),
 *     due_at      DATETIME(6)  DEFAULT (UTC_TIMESTAMP(6)),
 *     lease_owner VARCHAR(100),
 *     attempts    TINYINT UNSIGNED NOT NULL DEFAULT 0,
 *     KEY queue (due_at),
 *     KEY by_status_and_creation (status, created_at, id)
 *     -- and what a result needs
 * );
 * CREATE TABLE job_input (
 *     job_id BINARY(16) NOT NULL PRIMARY KEY,
 *     input  MEDIUMBLOB NOT NULL,
 *     FOREIGN KEY (job_id) REFERENCES job (id) ON DELETE CASCADE
 * );
 * </pre>
 *
 * @param name the table's name, as {@code job}
 * @param inputs the second table, as {@code job_input}, which has a row for each job that waits
 * @param reference its column that holds the job's id
 * @param input its column that {@link JobHandler#handle} gets
 * @param largestInput bytes that one input takes on disk at most
 */
public record QueueTable(String name, String inputs, String reference, String input, long largestInput) {

    /** A statement with this table's names in the place of {@code {name}}, {@code {inputs}}, {@code {reference}} and {@code {input}}. */
    String sql(String statement) {
        return statement.replace("{name}", name).replace("{inputs}", inputs).replace("{reference}", reference).replace("{input}", input);
    }
}
