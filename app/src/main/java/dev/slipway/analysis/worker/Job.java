package dev.slipway.analysis.worker;

import java.util.UUID;

/**
 * An analysis that a worker has claimed.
 *
 * @param attempt which attempt this is, from 1
 * @param doubles the values, as stored
 */
record Job(UUID id, int attempt, byte[] doubles) {}
