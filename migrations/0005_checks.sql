-- Up Migration

-- The stage of a snapshot, which is dropped when it ends, has the details of its reading. This keeps the
-- evidence that it was complete.
CREATE TABLE directory.snapshot_checks (
  pool_id text COLLATE "C" NOT NULL,
  snapshot_at timestamptz NOT NULL,
  estimated_users bigint NOT NULL,
  single_chain boolean NOT NULL,
  walks jsonb NOT NULL,
  missing_users bigint NOT NULL,
  asked_users bigint NOT NULL,
  kept_users bigint NOT NULL,
  removals jsonb NOT NULL,
  max_removed_ratio double precision NOT NULL,
  objection text,
  PRIMARY KEY (pool_id, snapshot_at),
  FOREIGN KEY (pool_id, snapshot_at) REFERENCES directory.snapshots
);
COMMENT ON TABLE directory.snapshot_checks IS 'What the check of each snapshot found before it was published or held: the evidence that it is complete.';
COMMENT ON COLUMN directory.snapshot_checks.pool_id IS 'The pool.';
COMMENT ON COLUMN directory.snapshot_checks.snapshot_at IS 'The snapshot.';
COMMENT ON COLUMN directory.snapshot_checks.estimated_users IS 'EstimatedNumberOfUsers at that time: an estimate by the service. Its freshness is undocumented.';
COMMENT ON COLUMN directory.snapshot_checks.single_chain IS 'True if all users were read in one chain of pages instead of shards.';
COMMENT ON COLUMN directory.snapshot_checks.walks IS 'The walks that ended on an absent token: an array of objects with kind (groups, users, members), walks, pages, items and restarts, by kind.';
COMMENT ON COLUMN directory.snapshot_checks.missing_users IS 'Users of the last snapshot that no walk returned.';
COMMENT ON COLUMN directory.snapshot_checks.asked_users IS 'How many of them were looked up by name: all, or 1,000 chosen by hash.';
COMMENT ON COLUMN directory.snapshot_checks.kept_users IS 'How many of those exist, or could not be looked up. They keep their rows.';
COMMENT ON COLUMN directory.snapshot_checks.removals IS 'The rows that the snapshot removes: an array of objects with dataset, rows (before it) and removed.';
COMMENT ON COLUMN directory.snapshot_checks.max_removed_ratio IS 'The share of rows, 0 to 1, that the removal guard allowed.';
COMMENT ON COLUMN directory.snapshot_checks.objection IS 'Why the snapshot was held. Null if the check passed. A published snapshot with an objection was released by a person.';

-- Down Migration

DROP TABLE directory.snapshot_checks;
