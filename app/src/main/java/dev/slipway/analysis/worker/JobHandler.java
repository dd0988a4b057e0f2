package dev.slipway.analysis.worker;

import java.util.Map;

/**
 * What the domain says of its jobs: where they wait, and what is done with one. This package does the rest. It wants one bean of it, in
 * the roles {@code web} and {@code worker}. Whoever submits a job stores it by {@link QueueLimit#admit}.
 */
public interface JobHandler {

    /** Where the jobs wait. */
    QueueTable table();

    /** Bytes of heap that one job takes at most while it is handled, its input included. */
    long footprint();

    /**
     * Handles one job, while other threads handle others. An interrupt says that its time is over.
     *
     * @param input what was stored for it
     * @return the columns of its row that the result is written into, with their values
     * @throws NoResultException if this input has no result, now or ever
     * @throws Exception if another attempt may succeed; after the last one the job's failure ends with the message of an
     *     {@link IllegalArgumentException}, and with no other's
     */
    Map<String, Object> handle(byte[] input) throws Exception;

    /** A job has no result, and no further attempt would change that. Its message becomes the job's failure. */
    class NoResultException extends Exception {

        public NoResultException(String message) {
            super(message);
        }
    }
}
