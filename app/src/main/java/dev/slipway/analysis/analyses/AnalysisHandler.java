package dev.slipway.analysis.analyses;

import dev.slipway.analysis.worker.JobHandler;
import dev.slipway.analysis.worker.QueueTable;
import java.util.Map;
import org.springframework.stereotype.Component;

/** Computes the {@link Analysis.Result} of an analysis. */
@Component
class AnalysisHandler implements JobHandler {

    static final int MOST_VALUES = 100_000;

    @Override
    public QueueTable table() {
        return new QueueTable("analysis", "analysis_values", "analysis_id", "doubles", 850_000);
    }

    /** As it was read, as numbers, and sorted. */
    @Override
    public long footprint() {
        return 3L * Double.BYTES * MOST_VALUES;
    }

    @Override
    public Map<String, Object> handle(byte[] input) throws NoResultException {
        Analysis.Result result = Statistics.of(AnalysisValues.fromBytes(input));
        return Map.of(
                "count", result.count(), "mean", result.mean(), "standard_deviation", result.standardDeviation(),
                "min", result.min(), "max", result.max(),
                "p50", result.p50(), "p95", result.p95(), "p99", result.p99());
    }
}
