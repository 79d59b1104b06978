-- Up Migration

-- A publication skips users whose hash has not changed. That is sound only while the row is the one
-- that the hash stands for, so each record says what was published, and the writers below say which
-- transactions wrote the rows.
ALTER TABLE mirror.user_hashes
  ADD COLUMN valid_from timestamptz,
  ADD COLUMN stale boolean NOT NULL DEFAULT false,
  ALTER COLUMN hash DROP NOT NULL;
UPDATE mirror.user_hashes AS h SET valid_from = u.valid_from
FROM directory.users AS u WHERE u.pool_id = h.pool_id AND u.username = h.username;
DELETE FROM mirror.user_hashes WHERE valid_from IS NULL;
ALTER TABLE mirror.user_hashes ADD CHECK ((hash IS NULL) = (valid_from IS NULL) AND (hash IS NOT NULL OR stale));
CREATE INDEX user_hashes_stale ON mirror.user_hashes (pool_id, username) WHERE stale;
COMMENT ON TABLE mirror.user_hashes IS 'What was published of each user: enough to see that a user is unchanged, and to put a row right that somebody else changed.';
COMMENT ON COLUMN mirror.user_hashes.hash IS '128 bits of the hash of what the user is, under a version of the hash; null for a row that no publication wrote.';
COMMENT ON COLUMN mirror.user_hashes.valid_from IS 'The valid_from of the published row.';
COMMENT ON COLUMN mirror.user_hashes.stale IS 'Whether the row is missing or was written by somebody else: the next snapshot compares it in full.';

CREATE TABLE mirror.user_writers (
  pool_id text COLLATE "C" NOT NULL,
  server_id bigint NOT NULL,
  xid xid8 NOT NULL,
  PRIMARY KEY (pool_id, server_id, xid)
);
COMMENT ON TABLE mirror.user_writers IS 'The transactions that wrote the rows of directory.users as they should be. A row of another transaction was changed by somebody else.';
COMMENT ON COLUMN mirror.user_writers.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.user_writers.server_id IS 'The system identifier of the Postgres server: transaction ids mean nothing on another.';
COMMENT ON COLUMN mirror.user_writers.xid IS 'The transaction; its low 32 bits are the xmin of its rows.';
-- Empty at first: what stands in the rows now is compared in full by the next snapshot.

ALTER TABLE mirror.snapshot_leases
  ADD COLUMN published_users bigint,
  ADD COLUMN archive_lost boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN mirror.snapshot_leases.published_users IS 'How many rows of directory.users its publication left; null before.';
COMMENT ON COLUMN mirror.snapshot_leases.archive_lost IS 'Whether it can never be archived: something else changed its rows, and what they were is not known.';

ALTER TABLE directory.snapshots ADD COLUMN repaired bigint;
COMMENT ON COLUMN directory.snapshots.repaired IS 'Rows of directory.users that were changed, deleted or added by something other than a publication, and were put right. They are no changes.';

-- Raises an error where the state at a moment cannot be told, so that no answer is taken for one.
CREATE OR REPLACE FUNCTION directory.history_reaches (pool text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  first timestamptz;
  floor timestamptz;
  ahead timestamptz;
BEGIN
  IF at IS NULL THEN
    RAISE EXCEPTION 'The moment is null.' USING HINT = 'Name a time, such as a snapshot_at of directory.snapshots.';
  END IF;
  SELECT min(snapshot_at) INTO first FROM directory.snapshots
  WHERE pool_id = pool AND state IN ('published', 'archived');
  IF first IS NULL THEN
    RAISE EXCEPTION 'No snapshot of pool % has been published.', pool
      USING HINT = 'directory.pools lists the pools that are mirrored.';
  END IF;
  IF at < first THEN
    RAISE EXCEPTION 'The history of pool % begins with its first snapshot at %.', pool, first
      USING HINT = 'Ask for a later time.';
  END IF;
  SELECT retained_from INTO floor FROM mirror.history_floors WHERE pool_id = pool;
  IF at < floor THEN
    RAISE EXCEPTION 'The history of pool % reaches back to % only; closed versions before that were dropped (MIRROR_HISTORY_DAYS).', pool, floor
      USING HINT = 'Ask for a later time, or read the archive of that day.';
  END IF;
  -- Snapshots taken while Postgres's clock was ahead, and those after them, bear a later time than
  -- they were published at: a moment in between would be answered with an older state. A moment that
  -- names a snapshot is always answered; so are the few seconds that snapshots in quick succession
  -- are ahead.
  IF EXISTS (
    SELECT FROM directory.snapshots
    WHERE pool_id = pool AND snapshot_at = at AND state IN ('published', 'archived')
  ) THEN
    RETURN true;
  END IF;
  SELECT min(snapshot_at) INTO ahead FROM directory.snapshots
  WHERE pool_id = pool AND state IN ('published', 'archived') AND snapshot_at > at
    AND ((published_at <= at AND snapshot_at > published_at + interval '1 minute')
      OR (snapshot_at > clock_timestamp() + interval '1 minute' AND at > (
        SELECT max(published_at) FROM directory.snapshots
        WHERE pool_id = pool AND state IN ('published', 'archived')
          AND snapshot_at <= clock_timestamp()
      )));
  IF ahead IS NOT NULL THEN
    RAISE EXCEPTION 'A snapshot of pool % that was published by then bears the later time %: the clock of Postgres was ahead.', pool, ahead
      USING HINT = 'Read directory.users for the current state, or ask for a snapshot_at of directory.snapshots.';
  END IF;
  RETURN true;
END
$$;
COMMENT ON FUNCTION directory.history_reaches (text, timestamptz) IS 'True where the state of the pool at the moment is known; else an error: no snapshot was published by then, older versions were dropped, or snapshots bear a time in the future.';

-- Down Migration

CREATE OR REPLACE FUNCTION directory.history_reaches (pool text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  floor timestamptz;
BEGIN
  SELECT retained_from INTO floor FROM mirror.history_floors WHERE pool_id = pool;
  IF at < floor THEN
    RAISE EXCEPTION 'The history of pool % reaches back to % only; closed versions before that were dropped (MIRROR_HISTORY_DAYS).', pool, floor
      USING HINT = 'Ask for a later time, or read the archive of that day.';
  END IF;
  RETURN true;
END
$$;
COMMENT ON FUNCTION directory.history_reaches (text, timestamptz) IS 'True; an error where the history of the pool no longer reaches back to the moment.';
ALTER TABLE directory.snapshots DROP COLUMN repaired;
ALTER TABLE mirror.snapshot_leases DROP COLUMN published_users, DROP COLUMN archive_lost;
DROP TABLE mirror.user_writers;
DROP INDEX mirror.user_hashes_stale;
DELETE FROM mirror.user_hashes WHERE hash IS NULL;
ALTER TABLE mirror.user_hashes DROP COLUMN valid_from, DROP COLUMN stale, ALTER COLUMN hash SET NOT NULL;
