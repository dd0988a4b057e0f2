package dev.slipway.analysis.analyses;

import jakarta.persistence.Entity;
import jakarta.persistence.FetchType;
import jakarta.persistence.Id;
import jakarta.persistence.MapsId;
import jakarta.persistence.OneToOne;
import jakarta.persistence.Table;
import java.util.UUID;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

/** The values of one {@link Analysis}, which are read by the worker alone, and removed with its outcome. */
@Entity
@Table(name = "analysis_values")
class AnalysisValues {

    @Id
    @JdbcTypeCode(SqlTypes.BINARY)
    private UUID analysisId;

    @MapsId
    @OneToOne(fetch = FetchType.LAZY, optional = false)
    private Analysis analysis;

    private byte[] doubles;

    protected AnalysisValues() {}

    AnalysisValues(Analysis analysis, byte[] doubles) {
        this.analysis = analysis;
        this.doubles = doubles;
    }
}
