-- Up Migration

CREATE TABLE mirror.attempts (
  pool_id text COLLATE "C" PRIMARY KEY,
  ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  outcome text NOT NULL CHECK (outcome IN ('archived', 'held', 'failed', 'interrupted')),
  snapshot_at timestamptz,
  reason text
);
COMMENT ON TABLE mirror.attempts IS 'The last attempt to mirror each pool, also one that failed before it began a snapshot.';
COMMENT ON COLUMN mirror.attempts.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.attempts.ended_at IS 'When the attempt ended.';
COMMENT ON COLUMN mirror.attempts.outcome IS 'How it ended.';
COMMENT ON COLUMN mirror.attempts.snapshot_at IS 'The snapshot that it worked on; null where it began none.';
COMMENT ON COLUMN mirror.attempts.reason IS 'Why it did not succeed; null where it did.';

-- Apart from mirror.snapshot_leases, whose rows are locked while pages commit. No foreign key, which would
-- lock them too.
CREATE TABLE mirror.progress (
  pool_id text COLLATE "C" PRIMARY KEY,
  snapshot_at timestamptz NOT NULL,
  began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  items_before bigint NOT NULL DEFAULT 0,
  phase text NOT NULL CHECK (phase IN ('walk', 'check', 'publish', 'archive')),
  done bigint,
  total bigint,
  noted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE mirror.progress IS 'How far the current run of each pool is; the last run, where none is current.';
COMMENT ON COLUMN mirror.progress.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.progress.snapshot_at IS 'The snapshot that the run works on.';
COMMENT ON COLUMN mirror.progress.began_at IS 'When the run began.';
COMMENT ON COLUMN mirror.progress.items_before IS 'Items that earlier runs of the snapshot had read: they say nothing about the rate of this run.';
COMMENT ON COLUMN mirror.progress.phase IS 'The step that the run is at.';
COMMENT ON COLUMN mirror.progress.done IS 'How many of total are done: users confirmed, rows archived; null where the phase is not counted.';
COMMENT ON COLUMN mirror.progress.total IS 'How many there are in the phase; null where the phase is not counted.';
COMMENT ON COLUMN mirror.progress.noted_at IS 'When this was written.';

-- Down Migration

DROP TABLE mirror.attempts, mirror.progress;
