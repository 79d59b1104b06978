-- Up Migration

-- A reading for `diff … now` has a state of its own: nothing that resumes, publishes, holds or discards
-- snapshots can take it.
ALTER TABLE directory.snapshots
  DROP CONSTRAINT snapshots_state_check,
  ADD CONSTRAINT snapshots_state_check CHECK (
    state IN ('walking', 'comparing', 'held', 'published', 'archived', 'failed', 'discarded')
  );
COMMENT ON COLUMN directory.snapshots.state IS 'walking, comparing (read for diff … now, then deleted), held (a person must release or discard it), published, archived, failed or discarded.';

-- With the rights of the owner: a worker may not delete snapshots.
CREATE FUNCTION mirror.end_comparison (pool text, at timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
  DELETE FROM directory.snapshot_checks AS c USING directory.snapshots AS s
  WHERE s.pool_id = c.pool_id AND s.snapshot_at = c.snapshot_at
    AND c.pool_id = pool AND c.snapshot_at = at AND s.state = 'comparing';
  DELETE FROM mirror.runs AS r USING directory.snapshots AS s
  WHERE s.pool_id = r.pool_id AND s.snapshot_at = r.snapshot_at
    AND r.pool_id = pool AND r.snapshot_at = at AND s.state = 'comparing';
  DELETE FROM directory.snapshots
  WHERE pool_id = pool AND snapshot_at = at AND state = 'comparing';
END;
COMMENT ON FUNCTION mirror.end_comparison (text, timestamptz) IS 'Deletes a reading that was only compared, and no other snapshot.';

-- Down Migration

DROP FUNCTION mirror.end_comparison;

ALTER TABLE directory.snapshots
  DROP CONSTRAINT snapshots_state_check,
  ADD CONSTRAINT snapshots_state_check CHECK (
    state IN ('walking', 'held', 'published', 'archived', 'failed', 'discarded')
  );
