package dev.slipway.analysis.analyses;

import dev.slipway.analysis.analyses.Analysis.Result;
import dev.slipway.analysis.worker.JobHandler.NoResultException;
import java.util.Arrays;
import java.util.stream.DoubleStream;
import org.apache.commons.statistics.descriptive.DoubleStatistics;
import org.apache.commons.statistics.descriptive.Quantile;
import org.apache.commons.statistics.descriptive.Statistic;

/** Computes a {@link Result}. */
final class Statistics {

    private static final DoubleStatistics.Builder STATISTICS =
            DoubleStatistics.builder(Statistic.MEAN, Statistic.STANDARD_DEVIATION, Statistic.MIN, Statistic.MAX);

    /** Hyndman and Fan's definition 7, the one that spreadsheets, R and NumPy use. */
    private static final Quantile QUANTILE = Quantile.withDefaults().with(Quantile.EstimationMethod.HF7);

    private Statistics() {}

    /**
     * @param values one or more finite values
     * @throws NoResultException if the mean or the standard deviation is beyond the range of a double
     */
    static Result of(double[] values) throws NoResultException {
        DoubleStatistics statistics = STATISTICS.build(values);
        double[] percentiles = QUANTILE.evaluate(values, 0.5, 0.95, 0.99);
        Result result = new Result(
                values.length, statistics.getAsDouble(Statistic.MEAN), statistics.getAsDouble(Statistic.STANDARD_DEVIATION),
                statistics.getAsDouble(Statistic.MIN), statistics.getAsDouble(Statistic.MAX),
                percentiles[0], percentiles[1], percentiles[2]);
        if (!DoubleStream.concat(DoubleStream.of(result.mean(), result.standardDeviation()), Arrays.stream(percentiles))
                .allMatch(Double::isFinite)) {
            throw new NoResultException("The values are too far apart: a result is beyond the range of a double.");
        }
        return result;
    }
}
