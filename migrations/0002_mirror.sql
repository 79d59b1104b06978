-- Up Migration

-- Schema `mirror` is private machinery. The migration tool creates it for its own table.
CREATE SCHEMA IF NOT EXISTS mirror;
COMMENT ON SCHEMA mirror IS 'Private data of cognito-mirror. It changes without notice.';

CREATE TABLE mirror.installation (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid()
);
INSERT INTO mirror.installation DEFAULT VALUES;
COMMENT ON TABLE mirror.installation IS 'One row: the name of this mirror in Redis, which several mirrors may share.';
COMMENT ON COLUMN mirror.installation.id IS 'The name.';

-- Pools

CREATE TABLE mirror.pools (
  pool_id text COLLATE "C" PRIMARY KEY,
  listed_at timestamptz,
  single_chain boolean NOT NULL DEFAULT false,
  shortfall bigint NOT NULL DEFAULT 0,
  reads_mfa boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE mirror.pools IS 'What the mirror remembers of each pool between snapshots.';
COMMENT ON COLUMN mirror.pools.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.pools.listed_at IS 'When COGNITO_POOLS=all last listed the pool. Null if it never did.';
COMMENT ON COLUMN mirror.pools.single_chain IS 'True if the pool has users that are in no shard. Its users are then read in a single chain.';
COMMENT ON COLUMN mirror.pools.shortfall IS 'How many users the last single chain read fewer than the service estimated.';
COMMENT ON COLUMN mirror.pools.reads_mfa IS 'True once a run has read MFA states of the pool. Other pools skip what keeps them.';

CREATE TABLE mirror.attempts (
  pool_id text COLLATE "C" PRIMARY KEY,
  ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  outcome text NOT NULL CHECK (outcome IN ('archived', 'held', 'failed', 'interrupted')),
  snapshot_at timestamptz,
  reason text
);
COMMENT ON TABLE mirror.attempts IS 'The last attempt to mirror each pool, even if it failed before it started a snapshot.';
COMMENT ON COLUMN mirror.attempts.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.attempts.ended_at IS 'When the attempt ended.';
COMMENT ON COLUMN mirror.attempts.outcome IS 'How it ended.';
COMMENT ON COLUMN mirror.attempts.snapshot_at IS 'The snapshot that it worked on. Null if it started none.';
COMMENT ON COLUMN mirror.attempts.reason IS 'Why it did not succeed. Null if it did.';

-- Snapshots

CREATE TABLE mirror.runs (
  pool_id text COLLATE "C" NOT NULL,
  snapshot_at timestamptz NOT NULL,
  stage integer GENERATED ALWAYS AS IDENTITY UNIQUE,
  lease_number integer NOT NULL DEFAULT 1,
  compared_with timestamptz,
  single_chain boolean NOT NULL DEFAULT false,
  published_users bigint,
  destination text,
  archive_lost boolean NOT NULL DEFAULT false,
  needs_locks boolean NOT NULL DEFAULT false,
  PRIMARY KEY (pool_id, snapshot_at),
  FOREIGN KEY (pool_id, snapshot_at) REFERENCES directory.snapshots
);
COMMENT ON TABLE mirror.runs IS 'The run of each snapshot: its lease, and what the runners that take it need to know.';
COMMENT ON COLUMN mirror.runs.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.runs.snapshot_at IS 'The snapshot.';
COMMENT ON COLUMN mirror.runs.stage IS 'The number in the names of its stage tables, mirror.stage_<number>_*.';
COMMENT ON COLUMN mirror.runs.lease_number IS 'Every runner that takes the snapshot raises it. A runner with a lower number may write nothing.';
COMMENT ON COLUMN mirror.runs.compared_with IS 'The published snapshot that the stage is compared with. Null for the first snapshot of a pool.';
COMMENT ON COLUMN mirror.runs.single_chain IS 'True if the users are read in a single chain, because the service refused shards or shards lost users.';
COMMENT ON COLUMN mirror.runs.published_users IS 'How many rows of directory.users its publication left. Null before.';
COMMENT ON COLUMN mirror.runs.destination IS 'The destination of its archive.';
COMMENT ON COLUMN mirror.runs.archive_lost IS 'True if it can never be archived: its rows were changed, and their published values are unknown.';
COMMENT ON COLUMN mirror.runs.needs_locks IS 'True if its manifest promises locks (S3 Object Lock) that were not all made yet. The next run of the pool makes them.';

-- A reading for `diff … now` has a state of its own: nothing that resumes, publishes, holds or discards
-- snapshots can take it.
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

-- Separate from mirror.runs, whose rows are locked while pages commit. A foreign key would lock
-- those rows too.
CREATE TABLE mirror.progress (
  pool_id text COLLATE "C" PRIMARY KEY,
  snapshot_at timestamptz NOT NULL,
  began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  items_before bigint NOT NULL DEFAULT 0,
  phase text NOT NULL CHECK (phase IN ('walk', 'check', 'mfa', 'publish', 'archive')),
  done bigint,
  total bigint,
  noted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE mirror.progress IS 'The progress of the current run of each pool, or of its last run.';
COMMENT ON COLUMN mirror.progress.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.progress.snapshot_at IS 'The snapshot that the run works on.';
COMMENT ON COLUMN mirror.progress.began_at IS 'When the run started.';
COMMENT ON COLUMN mirror.progress.items_before IS 'Items that earlier runs read for the snapshot. They are left out of the rate of this run.';
COMMENT ON COLUMN mirror.progress.phase IS 'The current step of the run.';
COMMENT ON COLUMN mirror.progress.done IS 'How many of total are done: users confirmed or asked for, or rows archived. Null for other phases.';
COMMENT ON COLUMN mirror.progress.total IS 'How many there are in the phase. Null if the phase is not counted.';
COMMENT ON COLUMN mirror.progress.noted_at IS 'When this row was written.';

-- Published users

-- A publication skips a user whose hash is unchanged, which is safe only if the row is still the published
-- one. So each record says what was published, and user_writers says which transactions wrote the rows.
-- UNLOGGED saves a tenth of the writes of a first publication. If a crash empties it, the next snapshot
-- compares every row in full.
CREATE UNLOGGED TABLE mirror.user_hashes (
  pool_id text COLLATE "C" NOT NULL,
  username text COLLATE "C" NOT NULL,
  hash uuid,
  valid_from timestamptz,
  stale boolean NOT NULL DEFAULT false,
  mfa_settings text[],
  preferred_mfa text,
  mfa_read_at timestamptz,
  mfa_asked_at timestamptz,
  PRIMARY KEY (pool_id, username),
  CHECK ((hash IS NULL) = (valid_from IS NULL) AND (hash IS NOT NULL OR stale))
);
CREATE INDEX user_hashes_stale ON mirror.user_hashes (pool_id, username) WHERE stale;
COMMENT ON TABLE mirror.user_hashes IS 'What was published of each user: enough to find that the user is unchanged, and to repair its row.';
COMMENT ON COLUMN mirror.user_hashes.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.user_hashes.username IS 'The user.';
COMMENT ON COLUMN mirror.user_hashes.hash IS '128 bits of the hash of the published user. Null for a row that cognito-mirror did not write.';
COMMENT ON COLUMN mirror.user_hashes.valid_from IS 'The valid_from of the published row.';
COMMENT ON COLUMN mirror.user_hashes.stale IS 'True if something other than cognito-mirror deleted or wrote the row. The next snapshot compares it in full.';
COMMENT ON COLUMN mirror.user_hashes.mfa_settings IS 'The mfa_settings of the published row.';
COMMENT ON COLUMN mirror.user_hashes.preferred_mfa IS 'The preferred_mfa of the published row.';
COMMENT ON COLUMN mirror.user_hashes.mfa_read_at IS 'The mfa_read_at of the published row.';
COMMENT ON COLUMN mirror.user_hashes.mfa_asked_at IS 'When the service was last asked for the MFA state of the user. Null: never.';

CREATE TABLE mirror.user_writers (
  pool_id text COLLATE "C" NOT NULL,
  server_id bigint NOT NULL,
  xid xid8 NOT NULL,
  PRIMARY KEY (pool_id, server_id, xid)
);
COMMENT ON TABLE mirror.user_writers IS 'The transactions of cognito-mirror that wrote rows of directory.users. Rows of other transactions have drifted.';
COMMENT ON COLUMN mirror.user_writers.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.user_writers.server_id IS 'The system identifier of the Postgres server. Transaction ids are valid on that server only.';
COMMENT ON COLUMN mirror.user_writers.xid IS 'The transaction. Its low 32 bits are the xmin of its rows.';

CREATE TABLE mirror.history_floors (
  pool_id text COLLATE "C" PRIMARY KEY,
  retained_from timestamptz NOT NULL
);
COMMENT ON TABLE mirror.history_floors IS 'Where the history of each pool starts, if old versions were pruned.';
COMMENT ON COLUMN mirror.history_floors.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.history_floors.retained_from IS 'The earliest moment with a known state.';

-- Workers

CREATE TABLE mirror.schedules (
  pool_id text COLLATE "C" PRIMARY KEY,
  pattern text NOT NULL,
  timezone text NOT NULL,
  due_at timestamptz NOT NULL,
  starts_at timestamptz NOT NULL
);
COMMENT ON TABLE mirror.schedules IS 'When workers mirror each pool. The job schedulers in Redis are kept equal to this table.';
COMMENT ON COLUMN mirror.schedules.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.schedules.pattern IS 'The cron expression.';
COMMENT ON COLUMN mirror.schedules.timezone IS 'The time zone of the cron expression.';
COMMENT ON COLUMN mirror.schedules.due_at IS 'The next time of the expression that has no request yet.';
COMMENT ON COLUMN mirror.schedules.starts_at IS 'When that request starts: a delay for each pool spreads the load.';

CREATE TABLE mirror.requests (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pool_id text COLLATE "C" NOT NULL,
  source text NOT NULL CHECK (source IN ('schedule', 'trigger')),
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  snapshot_at timestamptz,
  waiting_reason text,
  ended_at timestamptz,
  outcome text CHECK (outcome IN ('done', 'held', 'skipped', 'failed')),
  reason text,
  CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
-- A pool has at most one open request.
CREATE UNIQUE INDEX requests_open ON mirror.requests (pool_id) WHERE ended_at IS NULL;
CREATE INDEX requests_ended ON mirror.requests (pool_id, ended_at);
COMMENT ON TABLE mirror.requests IS 'Snapshots that the schedule or `trigger` asked for. An open request has a job in Redis, which workers recreate if Redis loses it.';
COMMENT ON COLUMN mirror.requests.id IS 'The id, which also names its jobs.';
COMMENT ON COLUMN mirror.requests.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.requests.source IS 'schedule, or trigger for a person.';
COMMENT ON COLUMN mirror.requests.requested_at IS 'When it was requested.';
COMMENT ON COLUMN mirror.requests.snapshot_at IS 'The snapshot that was started or resumed for it. Null before.';
COMMENT ON COLUMN mirror.requests.waiting_reason IS 'What an open request waits for. Null if it does not wait.';
COMMENT ON COLUMN mirror.requests.ended_at IS 'When it ended. Null while it is open.';
COMMENT ON COLUMN mirror.requests.outcome IS 'How it ended. Null while it is open.';
COMMENT ON COLUMN mirror.requests.reason IS 'Why it was held, skipped or failed.';

CREATE TABLE mirror.workers (
  id text PRIMARY KEY,
  host text NOT NULL,
  pid integer NOT NULL,
  version text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  jobs integer NOT NULL DEFAULT 0,
  problem text
);
COMMENT ON TABLE mirror.workers IS 'The worker processes. Each writes a heartbeat every few seconds.';
COMMENT ON COLUMN mirror.workers.id IS 'The id of the process.';
COMMENT ON COLUMN mirror.workers.host IS 'The host name of its machine.';
COMMENT ON COLUMN mirror.workers.pid IS 'Its process id on that machine.';
COMMENT ON COLUMN mirror.workers.version IS 'The version of the program.';
COMMENT ON COLUMN mirror.workers.started_at IS 'When it started.';
COMMENT ON COLUMN mirror.workers.seen_at IS 'The time of its last heartbeat.';
COMMENT ON COLUMN mirror.workers.jobs IS 'How many jobs it ran at that time.';
COMMENT ON COLUMN mirror.workers.problem IS 'Why it cannot work. Null if it can.';

-- Verifications

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

DROP FUNCTION mirror.end_comparison;
DROP TABLE mirror.installation, mirror.pools, mirror.attempts, mirror.runs, mirror.progress,
  mirror.user_hashes, mirror.user_writers, mirror.history_floors, mirror.schedules, mirror.requests,
  mirror.workers, mirror.verifications;
