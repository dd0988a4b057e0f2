package dev.slipway.analysis.analyses;

import jakarta.persistence.Entity;
import jakarta.persistence.FetchType;
import jakarta.persistence.Id;
import jakarta.persistence.MapsId;
import jakarta.persistence.OneToOne;
import jakarta.persistence.Table;
import java.nio.ByteBuffer;
import java.util.UUID;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

/**
 * The values of one {@link Analysis}, which are read by the worker alone, and removed with its outcome: IEEE 754 binary64, big-endian, one
 * after the other.
 */
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

    static byte[] toBytes(double[] values) {
        ByteBuffer buffer = ByteBuffer.allocate(values.length * Double.BYTES);
        buffer.asDoubleBuffer().put(values);
        return buffer.array();
    }

    /** @throws IllegalArgumentException if the bytes are no whole number of values */
    static double[] fromBytes(byte[] bytes) {
        if (bytes.length % Double.BYTES != 0) {
            throw new IllegalArgumentException("The stored values are damaged: " + bytes.length + " bytes are no whole number of values.");
        }
        double[] values = new double[bytes.length / Double.BYTES];
        ByteBuffer.wrap(bytes).asDoubleBuffer().get(values);
        return values;
    }
}
