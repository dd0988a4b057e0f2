package dev.slipway.analysis.analyses;

import jakarta.persistence.Column;
import jakarta.persistence.Embeddable;
import jakarta.persistence.Embedded;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.UUID;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.annotations.UuidGenerator;
import org.hibernate.type.SqlTypes;
import org.jspecify.annotations.Nullable;

/** A set of values that somebody submitted, and what became of it. The values are in {@link AnalysisValues}. This package reads the fields. */
@Entity
class Analysis {

    /** RFC 9562 version 7: new rows go to the end of the primary key. */
    @Id
    @UuidGenerator(style = UuidGenerator.Style.VERSION_7)
    @JdbcTypeCode(SqlTypes.BINARY)
    UUID id;

    /** The subject of the token that it was submitted with. */
    @Column(updatable = false)
    String owner;

    @Column(updatable = false)
    int inputSize;

    String name;

    @Enumerated(EnumType.STRING)
    Status status = Status.QUEUED;

    @Column(updatable = false)
    Instant createdAt = Instant.now().truncatedTo(ChronoUnit.MICROS);

    /** When a worker took it last. Unknown where a version before V2 of the schema did. */
    @Nullable Instant startedAt;

    @Nullable Instant finishedAt;

    @Nullable String failure;

    @Column(updatable = false)
    @Nullable String idempotencyKey;

    @Column(updatable = false)
    @JdbcTypeCode(SqlTypes.BINARY)
    byte @Nullable [] contentHash;

    @Embedded
    @Nullable Result result;

    /** Waiting for a worker, taken by one, finished with a result, or given up with a reason. */
    enum Status { QUEUED, RUNNING, DONE, FAILED }

    /**
     * What an analysis says of its values.
     *
     * @param standardDeviation the sample standard deviation (divided by n - 1); 0 for a single value
     * @param p50 the median; {@code p95} and {@code p99} are percentiles, too
     */
    @Embeddable
    record Result(int count, double mean, double standardDeviation, double min, double max, double p50, double p95, double p99) {}

    protected Analysis() {}

    /** @param inputSize bytes of its values */
    Analysis(String owner, String name, int inputSize, @Nullable String idempotencyKey, byte @Nullable [] contentHash) {
        this.owner = owner;
        this.name = name;
        this.inputSize = inputSize;
        this.idempotencyKey = idempotencyKey;
        this.contentHash = contentHash;
    }
}
