package dev.slipway.analysis.worker;

/**
 * The table that is a queue. Its rows have the columns {@code id} (BINARY(16)), {@code status} (QUEUED, RUNNING, DONE, FAILED),
 * {@code created_at}, {@code started_at}, {@code finished_at}, {@code failure}, {@code due_at}, {@code lease_owner} and {@code attempts},
 * and an index {@code by_status_and_creation}, as in V1 and V2 of the schema. What they wait with is a table of its own, so that
 * reading the rows does not drag it along.
 *
 * @param name the table's name
 * @param inputs the table of what the jobs need, a row for each that waits
 * @param reference the column of it that holds the job's id
 * @param input the column of it that {@link JobHandler#handle} gets
 * @param largestInput bytes that one input takes on disk at most
 */
public record QueueTable(String name, String inputs, String reference, String input, long largestInput) {

    /** A statement with this table's names in the place of {@code {name}}, {@code {inputs}}, {@code {reference}} and {@code {input}}. */
    String sql(String statement) {
        return statement
                .replace("{name}", name)
                .replace("{inputs}", inputs)
                .replace("{reference}", reference)
                .replace("{input}", input);
    }
}
