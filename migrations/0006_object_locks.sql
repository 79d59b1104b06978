-- Up Migration

ALTER TABLE mirror.runs ADD COLUMN needs_locks boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN mirror.runs.needs_locks IS 'True if its manifest promises locks (S3 Object Lock) that were not all made yet. The next run of the pool makes them.';

-- Down Migration

ALTER TABLE mirror.runs DROP COLUMN needs_locks;
