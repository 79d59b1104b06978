-- Up Migration

-- Not jsonb: every attempt sends the same bytes, and readers see the keys in their documented order.
CREATE TABLE mirror.notifications (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  type text NOT NULL,
  pool_id text COLLATE "C" NOT NULL,
  occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  data json NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  problem text,
  delivered_at timestamptz,
  given_up_at timestamptz,
  CHECK (delivered_at IS NULL OR given_up_at IS NULL)
);
CREATE INDEX notifications_open ON mirror.notifications (next_attempt_at)
  WHERE delivered_at IS NULL AND given_up_at IS NULL;
COMMENT ON TABLE mirror.notifications IS 'The outbox of webhooks: what happened, written in the transaction in which it happened, and its delivery.';
COMMENT ON COLUMN mirror.notifications.id IS 'The id of the message, the same in every attempt.';
COMMENT ON COLUMN mirror.notifications.type IS 'What happened, such as snapshot.held.';
COMMENT ON COLUMN mirror.notifications.pool_id IS 'The pool.';
COMMENT ON COLUMN mirror.notifications.occurred_at IS 'When it happened.';
COMMENT ON COLUMN mirror.notifications.data IS 'The data of the message: ids, counts and reasons.';
COMMENT ON COLUMN mirror.notifications.attempts IS 'How often a delivery was attempted.';
COMMENT ON COLUMN mirror.notifications.next_attempt_at IS 'When the next attempt may start. During an attempt, when another process may take it over.';
COMMENT ON COLUMN mirror.notifications.problem IS 'Why the last attempt failed. Null if it did not.';
COMMENT ON COLUMN mirror.notifications.delivered_at IS 'When the receiver accepted it. Null before.';
COMMENT ON COLUMN mirror.notifications.given_up_at IS 'When the last attempt failed that there is. Null unless it was given up.';

ALTER TABLE mirror.requests ADD COLUMN run_id uuid NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN started_at timestamptz;
COMMENT ON COLUMN mirror.requests.run_id IS 'The id of its run in pings (rid).';
COMMENT ON COLUMN mirror.requests.started_at IS 'When a worker began its run, and pinged. Null before.';

ALTER TABLE mirror.schedules ADD COLUMN since timestamptz NOT NULL DEFAULT clock_timestamp(),
  ADD COLUMN late_at timestamptz;
COMMENT ON COLUMN mirror.schedules.since IS 'Since when the pool has a schedule.';
COMMENT ON COLUMN mirror.schedules.late_at IS 'When the mirror of the pool was found to be late. Null if it is not.';

ALTER TABLE mirror.pools ADD COLUMN vanished_at timestamptz, ADD COLUMN retired_at timestamptz;
COMMENT ON COLUMN mirror.pools.vanished_at IS 'When the pool was found to be gone, although COGNITO_POOLS=all had listed it. Null if it is not.';
COMMENT ON COLUMN mirror.pools.retired_at IS 'When a person retired the pool, because it is no longer mirrored. Null if it is not retired.';

-- Down Migration

ALTER TABLE mirror.pools DROP COLUMN retired_at, DROP COLUMN vanished_at;
ALTER TABLE mirror.schedules DROP COLUMN late_at, DROP COLUMN since;
ALTER TABLE mirror.requests DROP COLUMN started_at, DROP COLUMN run_id;
DROP TABLE mirror.notifications;
