package dev.slipway.analysis.worker;

import dev.slipway.analysis.analyses.Result;

/** What a worker does with the values of one analysis. An interrupt says that its time is over. */
@FunctionalInterface
interface Computation {

    /** @throws ArithmeticException if these values have no result, now or ever */
    Result of(double[] values) throws Exception;
}
