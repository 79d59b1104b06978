-- Up Migration

-- The head of an archive says how many snapshots it has, on every page of status and in every webhook. Counted
-- once, when a snapshot is archived.
ALTER TABLE mirror.runs ADD COLUMN archives integer;
COMMENT ON COLUMN mirror.runs.archives IS 'How many snapshots of the pool this database had recorded as archived at the destination, with this one. Null before it is archived.';

UPDATE mirror.runs AS r SET archives = counted.archives
FROM (
  SELECT s.pool_id, s.snapshot_at,
    row_number() OVER (PARTITION BY s.pool_id, r.destination ORDER BY s.snapshot_at) AS archives
  FROM directory.snapshots AS s JOIN mirror.runs AS r USING (pool_id, snapshot_at)
  WHERE s.state = 'archived'
) AS counted
WHERE r.pool_id = counted.pool_id AND r.snapshot_at = counted.snapshot_at;

-- Down Migration

ALTER TABLE mirror.runs DROP COLUMN archives;
