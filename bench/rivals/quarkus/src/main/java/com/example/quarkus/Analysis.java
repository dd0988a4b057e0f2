package com.example.quarkus;

import io.quarkus.hibernate.orm.panache.PanacheEntityBase;
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

@Entity
public class Analysis extends PanacheEntityBase {

    @Id
    @UuidGenerator(style = UuidGenerator.Style.VERSION_7)
    @JdbcTypeCode(SqlTypes.BINARY)
    public UUID id;

    public String owner;
    public int inputSize;
    public String name;

    @Enumerated(EnumType.STRING)
    public Status status = Status.QUEUED;

    public Instant createdAt = Instant.now().truncatedTo(ChronoUnit.MICROS);
    public Instant startedAt;
    public Instant finishedAt;
    public String failure;

    @Embedded
    public Result result;

    public enum Status { QUEUED, RUNNING, DONE, FAILED }

    @Embeddable
    public record Result(int count, double mean, double standardDeviation, double min, double max, double p50, double p95, double p99) {}

    protected Analysis() {}

    public Analysis(String owner, String name, int inputSize) {
        this.owner = owner;
        this.name = name;
        this.inputSize = inputSize;
    }
}
