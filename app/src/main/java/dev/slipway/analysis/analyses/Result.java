package dev.slipway.analysis.analyses;

import jakarta.persistence.Embeddable;

/**
 * What an analysis says of its values.
 *
 * @param count how many values there are
 * @param mean the arithmetic mean
 * @param standardDeviation the sample standard deviation (divided by n - 1); 0 for a single value
 * @param min the smallest value
 * @param max the largest value
 * @param p50 the median
 * @param p95 the 95th percentile
 * @param p99 the 99th percentile
 */
@Embeddable
record Result(
        int count, double mean, double standardDeviation, double min, double max, double p50, double p95, double p99) {}
