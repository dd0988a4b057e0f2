package dev.slipway.analysis.worker;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A job that a worker has claimed.
 *
 * @param owner the claim's own name, so that nobody takes a later claim of the same job for this one
 * @param attempt which attempt this is, from 1
 * @param endedItsWorker whether the worker before, which computed nothing else, did not come back
 * @param input as stored; null if it is gone
 */
record Job(UUID id, String owner, int attempt, boolean endedItsWorker, byte @Nullable [] input) {}
