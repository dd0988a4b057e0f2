package com.example.quarkus;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
import jakarta.persistence.CascadeType;
import jakarta.persistence.Entity;
import jakarta.persistence.FetchType;
import jakarta.persistence.Id;
import jakarta.persistence.MapsId;
import jakarta.persistence.OneToOne;
import java.nio.ByteBuffer;
import java.util.UUID;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

@Entity
public class AnalysisValues extends PanacheEntityBase {

    @Id
    @JdbcTypeCode(SqlTypes.BINARY)
    public UUID analysisId;

    @MapsId
    @OneToOne(fetch = FetchType.LAZY, optional = false, cascade = CascadeType.PERSIST)
    public Analysis analysis;

    public byte[] doubles;

    protected AnalysisValues() {}

    public AnalysisValues(String owner, String name, double[] values) {
        ByteBuffer buffer = ByteBuffer.allocate(values.length * Double.BYTES);
        buffer.asDoubleBuffer().put(values);
        this.doubles = buffer.array();
        this.analysis = new Analysis(owner, name, doubles.length);
    }
}
