package dev.slipway.analysis.worker;

import java.util.UUID;

/**
 * An analysis that a worker has claimed.
 *
 * @param attempt which attempt this is, from 1
 * @param leaseExpired whether another worker held it and did not finish in time
 * @param doubles the values, as stored
 */
record Job(UUID id, int attempt, boolean leaseExpired, byte[] doubles) {}
