-- Expands only: a version that does not know the column still reads and writes the table, while this one is deployed
-- beside it. INSTANT and NONE make the statement fail rather than lock the table for long. See docs/migrations.md.
ALTER TABLE analysis ADD COLUMN started_at DATETIME(6), ALGORITHM = INSTANT, LOCK = NONE;
