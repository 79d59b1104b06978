-- Up Migration

CREATE TABLE mirror.verifications (
  pool_id text COLLATE "C" NOT NULL,
  destination text NOT NULL,
  due_at timestamptz,
  subset integer,
  began_at timestamptz[] NOT NULL DEFAULT '{}',
  covered_since timestamptz,
  ended_at timestamptz,
  findings jsonb NOT NULL DEFAULT '{}',
  found_keys text[] NOT NULL DEFAULT '{}',
  problem text,
  PRIMARY KEY (pool_id, destination)
);
COMMENT ON TABLE mirror.verifications IS 'How far workers have verified the archive of each pool (MIRROR_VERIFY_SUBSET).';
COMMENT ON COLUMN mirror.verifications.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.verifications.destination IS 'The destination of the archive.';
COMMENT ON COLUMN mirror.verifications.due_at IS 'When the next subset is verified. Null while workers verify nothing.';
COMMENT ON COLUMN mirror.verifications.subset IS 'The subset that was verified last, from 1. Null before the first.';
COMMENT ON COLUMN mirror.verifications.began_at IS 'When the last verification of each subset began. Null for a subset that is still to come.';
COMMENT ON COLUMN mirror.verifications.covered_since IS 'Every object that was archived before this time was read after it. Null until each subset was verified once.';
COMMENT ON COLUMN mirror.verifications.ended_at IS 'When the last verification ended. Null before the first.';
COMMENT ON COLUMN mirror.verifications.findings IS 'What it found: how many findings of each code.';
COMMENT ON COLUMN mirror.verifications.found_keys IS 'The objects with findings. They are read every time, until nothing is wrong with them.';
COMMENT ON COLUMN mirror.verifications.problem IS 'Why the last attempt to verify failed. Null if it did not.';

-- Down Migration

DROP TABLE mirror.verifications;
