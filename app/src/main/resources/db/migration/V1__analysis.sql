CREATE TABLE analysis (
    id                 BINARY(16)   NOT NULL PRIMARY KEY,
    name               VARCHAR(200) NOT NULL,
    status             ENUM('QUEUED', 'RUNNING', 'DONE', 'FAILED') NOT NULL,
    created_at         DATETIME(6)  NOT NULL,
    finished_at        DATETIME(6),
    failure            VARCHAR(500),

    idempotency_key    VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin,
    content_hash       BINARY(32),

    -- The worker's own. due_at is when a worker may take the row: at once, when a lease ends, or never again (NULL).
    due_at             DATETIME(6)  DEFAULT (UTC_TIMESTAMP(6)),
    lease_owner        VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin,
    attempts           TINYINT UNSIGNED NOT NULL DEFAULT 0,

    count              INT,
    mean               DOUBLE,
    standard_deviation DOUBLE,
    min                DOUBLE,
    max                DOUBLE,
    p50                DOUBLE,
    p95                DOUBLE,
    p99                DOUBLE,

    UNIQUE KEY idempotency (idempotency_key),
    KEY queue (due_at),
    -- One for each filter and order that GET /api/analyses offers.
    KEY by_creation (created_at, id),
    KEY by_name (name, id),
    KEY by_status_and_creation (status, created_at, id),
    KEY by_status_and_name (status, name, id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci;

-- Apart from the analysis, so that a page of analyses does not drag their values along.
CREATE TABLE analysis_values (
    analysis_id BINARY(16) NOT NULL PRIMARY KEY,
    doubles     MEDIUMBLOB NOT NULL COMMENT 'IEEE 754 binary64, big-endian',
    FOREIGN KEY (analysis_id) REFERENCES analysis (id) ON DELETE CASCADE
);
