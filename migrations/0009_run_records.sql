-- Up Migration

-- What pages about a snapshot show after its stage is dropped. Counts and times only: no names.

CREATE TABLE mirror.snapshot_walks (
  pool_id text COLLATE "C" NOT NULL,
  snapshot_at timestamptz NOT NULL,
  walks jsonb NOT NULL,
  total integer NOT NULL,
  PRIMARY KEY (pool_id, snapshot_at),
  FOREIGN KEY (pool_id, snapshot_at) REFERENCES directory.snapshots ON DELETE CASCADE
);
COMMENT ON TABLE mirror.snapshot_walks IS 'How the walks of each snapshot went, from its stage.';
COMMENT ON COLUMN mirror.snapshot_walks.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.snapshot_walks.snapshot_at IS 'The snapshot.';
COMMENT ON COLUMN mirror.snapshot_walks.walks IS 'The longest walks: an array of objects with id, kind, prefix, state, attempt, pages, items, waitedMs, retries, takenAt, leftAt and restartedAt.';
COMMENT ON COLUMN mirror.snapshot_walks.total IS 'How many walks there were.';

CREATE TABLE mirror.status_counts (
  pool_id text COLLATE "C" NOT NULL,
  snapshot_at timestamptz NOT NULL,
  status text,
  enabled boolean,
  users bigint NOT NULL,
  -- Both may be null, and a primary key may not.
  key text COLLATE "C" GENERATED ALWAYS AS (
    coalesce('status ' || status, '') || CASE enabled WHEN true THEN ', enabled' WHEN false THEN ', disabled' ELSE '' END
  ) STORED,
  PRIMARY KEY (pool_id, snapshot_at, key),
  FOREIGN KEY (pool_id, snapshot_at) REFERENCES directory.snapshots ON DELETE CASCADE
);
COMMENT ON TABLE mirror.status_counts IS 'How many users of each status a published snapshot has, so that no page counts users. Snapshots of an earlier version have no rows.';
COMMENT ON COLUMN mirror.status_counts.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.status_counts.snapshot_at IS 'The snapshot.';
COMMENT ON COLUMN mirror.status_counts.status IS 'UserStatus.';
COMMENT ON COLUMN mirror.status_counts.enabled IS 'True if these users may sign in.';
COMMENT ON COLUMN mirror.status_counts.users IS 'The number of users.';
COMMENT ON COLUMN mirror.status_counts.key IS 'Status and enabled as one text, for the primary key.';

ALTER TABLE mirror.runs ADD COLUMN archive jsonb;
COMMENT ON COLUMN mirror.runs.archive IS 'What its manifest says, in short: parts (an array of objects with format, dataset, parts, rows and bytes), signedBy (the fingerprint of the key, or null) and lock (mode, partsUntil and manifestUntil, or null). Null before it is archived.';

-- Down Migration

ALTER TABLE mirror.runs DROP COLUMN archive;
DROP TABLE mirror.status_counts, mirror.snapshot_walks;
