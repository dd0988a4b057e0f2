-- What was there before belongs to nobody: only analyses:admin sees it. A version that does not know the column still writes the table.
ALTER TABLE analysis
    ADD COLUMN owner VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    ADD COLUMN input_size INT NOT NULL DEFAULT 0 COMMENT 'bytes, for the owner''s quota',
    ALGORITHM = INSTANT, LOCK = NONE;

-- A key is its owner's, and each filter and order is asked for by owner.
ALTER TABLE analysis
    ADD UNIQUE KEY idempotency_of_owner (owner, idempotency_key),
    DROP KEY idempotency,
    ADD KEY by_owner_and_creation (owner, created_at, id),
    ADD KEY by_owner_and_name (owner, name, id),
    ADD KEY by_owner_status_and_creation (owner, status, created_at, id),
    ADD KEY by_owner_status_and_name (owner, status, name, id),
    ALGORITHM = NOCOPY, LOCK = NONE;
