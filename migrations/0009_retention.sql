-- Up Migration

ALTER TABLE directory.snapshots ADD COLUMN archive_removed_at timestamptz;
COMMENT ON COLUMN directory.snapshots.archive_removed_at IS 'When the mirror recorded that retention removed the objects of its archive. Its manifest stays. Null while they are there.';

-- Down Migration

ALTER TABLE directory.snapshots DROP COLUMN archive_removed_at;
