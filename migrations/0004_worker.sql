-- Up Migration

CREATE TABLE mirror.schedules (
  pool_id text COLLATE "C" PRIMARY KEY,
  pattern text NOT NULL,
  timezone text NOT NULL,
  due_at timestamptz NOT NULL,
  starts_at timestamptz NOT NULL
);
COMMENT ON TABLE mirror.schedules IS 'When the workers mirror each pool: the record that the job schedulers in Redis are kept equal to.';
COMMENT ON COLUMN mirror.schedules.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.schedules.pattern IS 'The cron expression.';
COMMENT ON COLUMN mirror.schedules.timezone IS 'The zone that it is read in.';
COMMENT ON COLUMN mirror.schedules.due_at IS 'The next time by the expression that no worker has taken up yet.';
COMMENT ON COLUMN mirror.schedules.starts_at IS 'When that run begins: the pools'' own delays keep them from starting together.';

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
-- A pool never has two snapshots in progress.
CREATE UNIQUE INDEX requests_open ON mirror.requests (pool_id) WHERE ended_at IS NULL;
CREATE INDEX requests_ended ON mirror.requests (pool_id, ended_at);
COMMENT ON TABLE mirror.requests IS 'The snapshots that the workers were asked for: an open one has a job in Redis, which is made again where Redis lost it.';
COMMENT ON COLUMN mirror.requests.id IS 'Names the request in jobs.';
COMMENT ON COLUMN mirror.requests.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.requests.source IS 'What asked: the schedule, or a person by trigger.';
COMMENT ON COLUMN mirror.requests.requested_at IS 'When it asked.';
COMMENT ON COLUMN mirror.requests.snapshot_at IS 'The snapshot that was begun or taken up for it.';
COMMENT ON COLUMN mirror.requests.waiting_reason IS 'What keeps an open request from going on, if anything.';
COMMENT ON COLUMN mirror.requests.ended_at IS 'When it ended; null while it is open.';
COMMENT ON COLUMN mirror.requests.outcome IS 'What it ended with.';
COMMENT ON COLUMN mirror.requests.reason IS 'Why it was skipped, or failed.';

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
COMMENT ON TABLE mirror.workers IS 'The worker processes; each says every few seconds that it is alive.';
COMMENT ON COLUMN mirror.workers.id IS 'Names the process.';
COMMENT ON COLUMN mirror.workers.host IS 'The machine that it runs on.';
COMMENT ON COLUMN mirror.workers.pid IS 'Its process id there.';
COMMENT ON COLUMN mirror.workers.version IS 'The version of the program.';
COMMENT ON COLUMN mirror.workers.started_at IS 'When it started.';
COMMENT ON COLUMN mirror.workers.seen_at IS 'When it last said that it is alive.';
COMMENT ON COLUMN mirror.workers.jobs IS 'How many jobs it had in hand then.';
COMMENT ON COLUMN mirror.workers.problem IS 'What keeps it from working, if anything.';

-- Names this mirror among those that may share a Redis.
CREATE TABLE mirror.installation (
  id uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO mirror.installation DEFAULT VALUES;
COMMENT ON TABLE mirror.installation IS 'One row: what names this mirror in Redis, where several may keep their jobs.';
COMMENT ON COLUMN mirror.installation.id IS 'The name.';

-- Down Migration

DROP TABLE mirror.schedules, mirror.requests, mirror.workers, mirror.installation;
