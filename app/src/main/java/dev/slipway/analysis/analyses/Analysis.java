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

/** A set of values that somebody submitted, and what became of it. The values are in {@link AnalysisValues}. */
@Entity
public class Analysis {

    /** RFC 9562 version 7: new rows go to the end of the primary key. */
    @Id
    @UuidGenerator(style = UuidGenerator.Style.VERSION_7)
    @JdbcTypeCode(SqlTypes.BINARY)
    private UUID id;

    private String name;

    @Enumerated(EnumType.STRING)
    private Status status = Status.QUEUED;

    @Column(updatable = false)
    private Instant createdAt = Instant.now().truncatedTo(ChronoUnit.MICROS);

    /** When a worker took it last. Unknown where a version before V2 of the schema did. */
    private @Nullable Instant startedAt;

    private @Nullable Instant finishedAt;

    private @Nullable String failure;

    @Column(updatable = false)
    private @Nullable String idempotencyKey;

    @Column(updatable = false)
    @JdbcTypeCode(SqlTypes.BINARY)
    private byte @Nullable [] contentHash;

    @Embedded
    private @Nullable Result result;

    /** Where an analysis is on its way from submission to an end. */
    public enum Status {

        /** Stored, and waiting for a worker. */
        QUEUED,

        /** Taken by a worker. */
        RUNNING,

        /** Finished, with a result. */
        DONE,

        /** Given up, with a reason. */
        FAILED
    }

    /**
     * What an analysis says of its values.
     *
     * @param count how many values there are
     * @param mean the arithmetic mean
     * @param standardDeviation the sample standard deviation (divided by n - 1); 0 for a single value
     * @param p50 the median; {@code p95} and {@code p99} are percentiles, too
     */
    @Embeddable
    record Result(
            int count, double mean, double standardDeviation, double min, double max, double p50, double p95, double p99) {}

    protected Analysis() {}

    Analysis(String name, @Nullable String idempotencyKey, byte @Nullable [] contentHash) {
        this.name = name;
        this.idempotencyKey = idempotencyKey;
        this.contentHash = contentHash;
    }

    public UUID getId() {
        return id;
    }

    public String getName() {
        return name;
    }

    public Status getStatus() {
        return status;
    }

    public Instant getCreatedAt() {
        return createdAt;
    }

    public @Nullable Instant getStartedAt() {
        return startedAt;
    }

    public @Nullable Instant getFinishedAt() {
        return finishedAt;
    }

    public @Nullable String getFailure() {
        return failure;
    }

    byte @Nullable [] getContentHash() {
        return contentHash;
    }

    public @Nullable Result getResult() {
        return result;
    }
}
