package dev.slipway.analysis.worker;

import java.util.Map;

/** What the domain says of its jobs: where they wait, and what is done with one. This package does the rest. */
public interface JobHandler {

    QueueTable table();

    /** Bytes of heap that one job takes at most while it is handled, its input included. */
    long footprint();

    /**
     * Handles one job, on a thread of the worker. An interrupt says that its time is over.
     *
     * @param input what was stored for it
     * @return the columns of its row that the result is written into, with their values
     * @throws NoResultException if this input has no result, now or ever
     * @throws Exception if another attempt may succeed; the message of an {@link IllegalArgumentException} is the job's failure
     *     when the last one did not
     */
    Map<String, Object> handle(byte[] input) throws Exception;
}
