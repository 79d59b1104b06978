-- Up Migration

CREATE TABLE mirror.erasures (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  pool_id text COLLATE "C" NOT NULL,
  destination text NOT NULL,
  began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  persons jsonb NOT NULL,
  suppress boolean NOT NULL,
  reason text,
  database jsonb NOT NULL DEFAULT '{}',
  archive jsonb NOT NULL DEFAULT '[]',
  waiting jsonb NOT NULL DEFAULT '[]',
  erased_at timestamptz,
  receipt text
);
-- A run that was killed is continued by the next one.
CREATE UNIQUE INDEX erasures_unfinished ON mirror.erasures (pool_id) WHERE erased_at IS NULL;
COMMENT ON TABLE mirror.erasures IS 'The erasures of persons (forget), without personal data.';
COMMENT ON COLUMN mirror.erasures.id IS 'The id of its receipt.';
COMMENT ON COLUMN mirror.erasures.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.erasures.destination IS 'The destination of the archive.';
COMMENT ON COLUMN mirror.erasures.began_at IS 'When it began.';
COMMENT ON COLUMN mirror.erasures.persons IS 'An array with the keyed hash of the sub of each person. Null without MIRROR_HASH_KEY.';
COMMENT ON COLUMN mirror.erasures.suppress IS 'True if later snapshots leave the persons out.';
COMMENT ON COLUMN mirror.erasures.reason IS 'Why, as a person gave it.';
COMMENT ON COLUMN mirror.erasures.database IS 'How many rows were deleted from each table.';
COMMENT ON COLUMN mirror.erasures.archive IS 'The snapshots that were revised: an array of objects with snapshot, revision and parts, each with the old and the new key and SHA-256.';
COMMENT ON COLUMN mirror.erasures.waiting IS 'The objects that Object Lock keeps from being deleted: an array of objects with key, until and isHeld.';
COMMENT ON COLUMN mirror.erasures.erased_at IS 'When the rows in Postgres were deleted, which is the last step. Null before.';
COMMENT ON COLUMN mirror.erasures.receipt IS 'The key of its receipt in the archive. Null before it is stored.';

CREATE TABLE mirror.suppressed (
  pool_id text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL,
  suppressed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_in timestamptz,
  PRIMARY KEY (pool_id, hash)
);
COMMENT ON TABLE mirror.suppressed IS 'The persons that snapshots leave out (forget --suppress).';
COMMENT ON COLUMN mirror.suppressed.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.suppressed.hash IS 'The keyed hash of the sub, with the id of MIRROR_HASH_KEY.';
COMMENT ON COLUMN mirror.suppressed.suppressed_at IS 'Since when.';
COMMENT ON COLUMN mirror.suppressed.seen_in IS 'The newest snapshot_at of a snapshot that left the person out. Null before.';

-- Down Migration

DROP TABLE mirror.suppressed, mirror.erasures;
