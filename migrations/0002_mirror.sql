-- Up Migration

-- Schema `mirror` is the machinery, and private. The migration tool creates it for its own table.
CREATE SCHEMA IF NOT EXISTS mirror;
COMMENT ON SCHEMA mirror IS 'The machinery of cognito-mirror: private, and changed without notice.';

-- What a snapshot needs besides what readers may know of it.
CREATE TABLE mirror.snapshot_leases (
  pool_id text COLLATE "C" NOT NULL,
  snapshot_at timestamptz NOT NULL,
  stage integer GENERATED ALWAYS AS IDENTITY UNIQUE,
  lease_number integer NOT NULL DEFAULT 1,
  compared_with timestamptz,
  single_chain boolean NOT NULL DEFAULT false,
  destination text,
  PRIMARY KEY (pool_id, snapshot_at),
  FOREIGN KEY (pool_id, snapshot_at) REFERENCES directory.snapshots
);
COMMENT ON TABLE mirror.snapshot_leases IS 'How each snapshot is being taken.';
COMMENT ON COLUMN mirror.snapshot_leases.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.snapshot_leases.snapshot_at IS 'The snapshot.';
COMMENT ON COLUMN mirror.snapshot_leases.stage IS 'The number in the names of its stage''s tables, mirror.stage_<number>_*.';
COMMENT ON COLUMN mirror.snapshot_leases.lease_number IS 'Raised by each runner that takes the snapshot up: one with a lower number may write nothing more.';
COMMENT ON COLUMN mirror.snapshot_leases.compared_with IS 'The published snapshot that the stage is compared with; null for a pool''s first.';
COMMENT ON COLUMN mirror.snapshot_leases.single_chain IS 'Whether the users are walked in one chain, as cutting by sub was refused or lost someone.';
COMMENT ON COLUMN mirror.snapshot_leases.destination IS 'The destination that holds its archive.';

-- The hashes of the current users, apart from their rows: comparing a page reads these alone.
CREATE TABLE mirror.user_hashes (
  pool_id text COLLATE "C" NOT NULL,
  username text COLLATE "C" NOT NULL,
  hash uuid NOT NULL,
  PRIMARY KEY (pool_id, username)
);
COMMENT ON TABLE mirror.user_hashes IS 'A hash of each row of directory.users, to see at once that a user is unchanged.';
COMMENT ON COLUMN mirror.user_hashes.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.user_hashes.username IS 'The user.';
COMMENT ON COLUMN mirror.user_hashes.hash IS '128 bits of the hash of what the user is, under a version of the hash.';

CREATE TABLE mirror.history_floors (
  pool_id text COLLATE "C" PRIMARY KEY,
  retained_from timestamptz NOT NULL
);
COMMENT ON TABLE mirror.history_floors IS 'How far back the history of a pool still goes, where old versions were dropped.';
COMMENT ON COLUMN mirror.history_floors.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.history_floors.retained_from IS 'The first snapshot_at whose state can still be told.';

-- Down Migration

DROP TABLE mirror.snapshot_leases, mirror.user_hashes, mirror.history_floors;
