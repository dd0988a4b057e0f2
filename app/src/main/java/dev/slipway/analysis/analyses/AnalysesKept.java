package dev.slipway.analysis.analyses;

import dev.slipway.analysis.access.Quota;
import org.springframework.context.annotation.Profile;
import org.springframework.stereotype.Component;

/** What a subject's analyses count for its quota. */
@Component
@Profile("web")
class AnalysesKept implements Quota.Usage {

    private final AnalysisRepository analyses;

    AnalysesKept(AnalysisRepository analyses) {
        this.analyses = analyses;
    }

    @Override
    public Quota.Kept of(String subject) {
        AnalysisRepository.Kept kept = analyses.keptBy(subject);
        return new Quota.Kept(kept.getKept(), kept.getBytes());
    }
}
