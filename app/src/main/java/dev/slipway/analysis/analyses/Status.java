package dev.slipway.analysis.analyses;

/** Where an analysis is on its way from submission to an end. */
public enum Status {

    /** Stored, and waiting for a worker. */
    QUEUED,

    /** Taken by a worker. */
    RUNNING,

    /** Finished, with a result. */
    DONE,

    /** Given up, with a reason. */
    FAILED
}
