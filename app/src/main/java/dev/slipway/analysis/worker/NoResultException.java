package dev.slipway.analysis.worker;

/** A job has no result, and no further attempt would change that. Its message becomes the job's failure. */
public class NoResultException extends Exception {

    public NoResultException(String message) {
        super(message);
    }
}
