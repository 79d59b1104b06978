-- Up Migration

-- Schema `directory` is a stable contract for readers. Its tables hold the current state of each pool,
-- and its *_history tables the closed versions. Keys are compared by code point (COLLATE "C"), so the
-- primary keys give the same order on every server.
-- A test compares the columns of users, groups and memberships with src/model/columns.ts.
CREATE SCHEMA directory;
COMMENT ON SCHEMA directory IS 'What cognito-mirror publishes: the current state, the history and the snapshots of user pools. A stable contract for readers.';

CREATE TABLE directory.pools (
  pool_id text COLLATE "C" PRIMARY KEY,
  name text,
  arn text NOT NULL,
  account_id text NOT NULL,
  region text NOT NULL,
  estimated_users bigint NOT NULL,
  mfa_configuration text,
  custom_attributes text[] NOT NULL,
  seen_at timestamptz NOT NULL
);
COMMENT ON TABLE directory.pools IS 'The mirrored user pools, as DescribeUserPool last described them.';
COMMENT ON COLUMN directory.pools.pool_id IS 'The id of the pool. The part before the underscore is its Region.';
COMMENT ON COLUMN directory.pools.name IS 'The name of the pool.';
COMMENT ON COLUMN directory.pools.arn IS 'The Amazon Resource Name of the pool.';
COMMENT ON COLUMN directory.pools.account_id IS 'The AWS account that owns the pool, from its ARN.';
COMMENT ON COLUMN directory.pools.region IS 'The AWS Region of the pool.';
COMMENT ON COLUMN directory.pools.estimated_users IS 'EstimatedNumberOfUsers: an estimate by the service. Its freshness is undocumented.';
COMMENT ON COLUMN directory.pools.mfa_configuration IS 'MfaConfiguration: OFF, ON or OPTIONAL.';
COMMENT ON COLUMN directory.pools.custom_attributes IS 'The names of the custom attributes (custom:… and dev:custom:…), sorted.';
COMMENT ON COLUMN directory.pools.seen_at IS 'When the pool was last described.';

CREATE TABLE directory.users (
  pool_id text COLLATE "C" NOT NULL,
  username text COLLATE "C" NOT NULL,
  sub text COLLATE "C",
  status text,
  enabled boolean,
  email text GENERATED ALWAYS AS (attributes ->> 'email') STORED,
  email_verified boolean GENERATED ALWAYS AS (
    CASE lower(attributes ->> 'email_verified') WHEN 'true' THEN true WHEN 'false' THEN false END
  ) STORED,
  phone_number text GENERATED ALWAYS AS (attributes ->> 'phone_number') STORED,
  phone_number_verified boolean GENERATED ALWAYS AS (
    CASE lower(attributes ->> 'phone_number_verified') WHEN 'true' THEN true WHEN 'false' THEN false END
  ) STORED,
  name text GENERATED ALWAYS AS (attributes ->> 'name') STORED,
  given_name text GENERATED ALWAYS AS (attributes ->> 'given_name') STORED,
  family_name text GENERATED ALWAYS AS (attributes ->> 'family_name') STORED,
  preferred_username text GENERATED ALWAYS AS (attributes ->> 'preferred_username') STORED,
  created_at timestamptz,
  modified_at timestamptz,
  attributes jsonb NOT NULL,
  mfa_options jsonb,
  escaped text[] NOT NULL,
  -- What AdminGetUser alone tells of a user: no listing has it. A version keeps the reading that found its
  -- values first, so a later reading that finds the same is no change.
  mfa_settings text[],
  preferred_mfa text,
  mfa_read_at timestamptz,
  valid_from timestamptz NOT NULL,
  PRIMARY KEY (pool_id, username)
);
CREATE INDEX users_valid_from ON directory.users (pool_id, valid_from);
CREATE INDEX users_sub ON directory.users (pool_id, sub);
-- An attribute may be longer than what an index can hold, an e-mail address is not.
CREATE INDEX users_email ON directory.users (pool_id, ("left"(lower(email), 320) COLLATE "C"));
COMMENT ON TABLE directory.users IS 'The users of each pool, as of its last published snapshot.';

-- INCLUDING GENERATED: the typed columns are computed from the attributes here too.
CREATE TABLE directory.user_history (
  LIKE directory.users INCLUDING GENERATED,
  valid_to timestamptz NOT NULL,
  PRIMARY KEY (pool_id, username, valid_from)
);
CREATE INDEX user_history_valid_to ON directory.user_history (pool_id, valid_to);
CREATE INDEX user_history_valid_from ON directory.user_history (pool_id, valid_from);
CREATE INDEX user_history_sub ON directory.user_history (pool_id, sub);
CREATE INDEX user_history_email ON directory.user_history
  (pool_id, ("left"(lower(email), 320) COLLATE "C"));
COMMENT ON TABLE directory.user_history IS 'Closed versions of users. A version was valid from valid_from (inclusive) to valid_to (exclusive).';

CREATE TABLE directory.groups (
  pool_id text COLLATE "C" NOT NULL,
  group_name text COLLATE "C" NOT NULL,
  description text,
  role_arn text,
  precedence integer,
  created_at timestamptz,
  modified_at timestamptz,
  escaped text[] NOT NULL,
  valid_from timestamptz NOT NULL,
  PRIMARY KEY (pool_id, group_name)
);
COMMENT ON TABLE directory.groups IS 'The groups of each pool, as of its last published snapshot.';

CREATE TABLE directory.group_history (
  LIKE directory.groups,
  valid_to timestamptz NOT NULL,
  PRIMARY KEY (pool_id, group_name, valid_from)
);
CREATE INDEX group_history_valid_to ON directory.group_history (pool_id, valid_to);
COMMENT ON TABLE directory.group_history IS 'Closed versions of groups. A version was valid from valid_from (inclusive) to valid_to (exclusive).';

CREATE TABLE directory.memberships (
  pool_id text COLLATE "C" NOT NULL,
  group_name text COLLATE "C" NOT NULL,
  username text COLLATE "C" NOT NULL,
  sub text COLLATE "C",
  valid_from timestamptz NOT NULL,
  PRIMARY KEY (pool_id, group_name, username)
);
CREATE INDEX memberships_username ON directory.memberships (pool_id, username, group_name);
CREATE INDEX memberships_valid_from ON directory.memberships (pool_id, valid_from);
COMMENT ON TABLE directory.memberships IS 'The members of each group, as of the last published snapshot of the pool.';

CREATE TABLE directory.membership_history (
  LIKE directory.memberships,
  valid_to timestamptz NOT NULL,
  PRIMARY KEY (pool_id, group_name, username, valid_from)
);
CREATE INDEX membership_history_username ON directory.membership_history (pool_id, username, group_name);
CREATE INDEX membership_history_valid_to ON directory.membership_history (pool_id, valid_to);
CREATE INDEX membership_history_valid_from ON directory.membership_history (pool_id, valid_from);
COMMENT ON TABLE directory.membership_history IS 'Closed memberships. A user was a member from valid_from (inclusive) to valid_to (exclusive).';

DO $$
DECLARE
  target text;
  described record;
BEGIN
  FOREACH target IN ARRAY ARRAY['users', 'user_history'] LOOP
    FOR described IN SELECT * FROM (VALUES
      ('pool_id', 'The pool of the user.'),
      ('username', 'The name of the user: its key in the pool.'),
      ('sub', 'The immutable id of the person. The same name with another sub is another person.'),
      ('status', 'UserStatus, such as CONFIRMED or EXTERNAL_PROVIDER. New values of the service are kept unchanged.'),
      ('enabled', 'True if the user may sign in.'),
      ('email', 'The attribute email.'),
      ('email_verified', 'The attribute email_verified: true, false, or null for any other text.'),
      ('phone_number', 'The attribute phone_number.'),
      ('phone_number_verified', 'The attribute phone_number_verified: true, false, or null for any other text.'),
      ('name', 'The attribute name.'),
      ('given_name', 'The attribute given_name.'),
      ('family_name', 'The attribute family_name.'),
      ('preferred_username', 'The attribute preferred_username.'),
      ('created_at', 'UserCreateDate.'),
      ('modified_at', 'UserLastModifiedDate.'),
      ('attributes', 'All attributes by name, as an object of strings.'),
      ('mfa_options', 'MFAOptions, a legacy field for SMS: an array of objects with the service''s field names, or null.'),
      ('escaped', 'The attributes and fields with text that Postgres cannot store. In them, each backslash is doubled and each such unit is written as \uXXXX.'),
      ('mfa_settings', 'UserMFASettingList, sorted: the second factors of the user. Empty if there is none, null if it is unknown.'),
      ('preferred_mfa', 'PreferredMfaSetting. Null if there is none, or if it is unknown.'),
      ('mfa_read_at', 'When AdminGetUser first returned these values. Null if the MFA state of the user is unknown.'),
      ('valid_from', 'The snapshot_at of the first snapshot with this version.')
    ) AS texts (name, comment) LOOP
      EXECUTE format('COMMENT ON COLUMN directory.%I.%I IS %L', target, described.name, described.comment);
    END LOOP;
  END LOOP;
  FOREACH target IN ARRAY ARRAY['groups', 'group_history'] LOOP
    FOR described IN SELECT * FROM (VALUES
      ('pool_id', 'The pool of the group.'),
      ('group_name', 'The name of the group: its key in the pool.'),
      ('description', 'The description of the group.'),
      ('role_arn', 'The ARN of the IAM role of the group.'),
      ('precedence', 'The precedence of the group. 0 is the highest, null the lowest.'),
      ('created_at', 'CreationDate.'),
      ('modified_at', 'LastModifiedDate.'),
      ('escaped', 'The fields with text that Postgres cannot store. In them, each backslash is doubled and each such unit is written as \uXXXX.'),
      ('valid_from', 'The snapshot_at of the first snapshot with this version.')
    ) AS texts (name, comment) LOOP
      EXECUTE format('COMMENT ON COLUMN directory.%I.%I IS %L', target, described.name, described.comment);
    END LOOP;
  END LOOP;
  FOREACH target IN ARRAY ARRAY['memberships', 'membership_history'] LOOP
    FOR described IN SELECT * FROM (VALUES
      ('pool_id', 'The pool of the group and the user.'),
      ('group_name', 'The name of the group.'),
      ('username', 'The name of the user.'),
      ('sub', 'The sub of the user. It distinguishes persons of the same name.'),
      ('valid_from', 'The snapshot_at of the first snapshot with this membership.')
    ) AS texts (name, comment) LOOP
      EXECUTE format('COMMENT ON COLUMN directory.%I.%I IS %L', target, described.name, described.comment);
    END LOOP;
  END LOOP;
  FOREACH target IN ARRAY ARRAY['user_history', 'group_history', 'membership_history'] LOOP
    EXECUTE format('COMMENT ON COLUMN directory.%I.valid_to IS %L', target,
      'The snapshot_at of the first snapshot that had another version, or lacked the row.');
  END LOOP;
END
$$;

CREATE TABLE directory.snapshots (
  pool_id text COLLATE "C" NOT NULL,
  snapshot text COLLATE "C" NOT NULL,
  snapshot_at timestamptz NOT NULL,
  walked_at timestamptz,
  state text NOT NULL CHECK (
    state IN ('walking', 'comparing', 'held', 'published', 'archived', 'failed', 'discarded')
  ),
  reason text,
  published_at timestamptz,
  archived_at timestamptz,
  users bigint,
  groups bigint,
  memberships bigint,
  added bigint,
  modified bigint,
  removed bigint,
  repaired bigint,
  api_calls bigint NOT NULL DEFAULT 0,
  throttled bigint NOT NULL DEFAULT 0,
  retries bigint NOT NULL DEFAULT 0,
  suppressed bigint,
  mfa_known bigint,
  settings integer,
  settings_unread jsonb,
  privacy jsonb,
  manifest text,
  manifest_sha256 text,
  archive_removed_at timestamptz,
  PRIMARY KEY (pool_id, snapshot_at),
  UNIQUE (pool_id, snapshot),
  CHECK (snapshot_at = date_trunc('second', snapshot_at, 'UTC'))
);
-- A pool has at most one open snapshot, whatever runs.
CREATE UNIQUE INDEX snapshots_open ON directory.snapshots (pool_id) WHERE state IN ('walking', 'held');
COMMENT ON TABLE directory.snapshots IS 'Every snapshot that was started, and its state.';
COMMENT ON COLUMN directory.snapshots.pool_id IS 'The pool of the snapshot.';
COMMENT ON COLUMN directory.snapshots.snapshot IS 'The id of the snapshot: snapshot_at as YYYYMMDDTHHMMSSZ.';
COMMENT ON COLUMN directory.snapshots.snapshot_at IS 'When the snapshot started, in whole seconds.';
COMMENT ON COLUMN directory.snapshots.walked_at IS 'When its last walk ended. Its content was read between snapshot_at and walked_at.';
COMMENT ON COLUMN directory.snapshots.state IS 'walking, comparing (read for diff … now, then deleted), held (a person must release or discard it), published, archived, failed or discarded.';
COMMENT ON COLUMN directory.snapshots.reason IS 'Why it is held or failed, or what last interrupted it. Else null.';
COMMENT ON COLUMN directory.snapshots.published_at IS 'When it became the current state.';
COMMENT ON COLUMN directory.snapshots.archived_at IS 'When its manifest was written.';
COMMENT ON COLUMN directory.snapshots.users IS 'Number of users. Null before the check.';
COMMENT ON COLUMN directory.snapshots.groups IS 'Number of groups. Null before the check.';
COMMENT ON COLUMN directory.snapshots.memberships IS 'Number of memberships. Null before the check.';
COMMENT ON COLUMN directory.snapshots.added IS 'Users that the previous published snapshot did not have. All users, for the first snapshot.';
COMMENT ON COLUMN directory.snapshots.modified IS 'Users that differ from the previous published snapshot.';
COMMENT ON COLUMN directory.snapshots.removed IS 'Users of the previous published snapshot that this one does not have.';
COMMENT ON COLUMN directory.snapshots.repaired IS 'Rows of directory.users that something other than cognito-mirror had changed, deleted or added, and that this snapshot repaired. Repairs are not changes.';
COMMENT ON COLUMN directory.snapshots.api_calls IS 'Attempts to call the service, retries included.';
COMMENT ON COLUMN directory.snapshots.throttled IS 'Attempts that the service throttled.';
COMMENT ON COLUMN directory.snapshots.retries IS 'Attempts that repeated a failed one.';
COMMENT ON COLUMN directory.snapshots.suppressed IS 'How many suppressed persons (forget --suppress) the pool has that the snapshot leaves out. Null before it is published.';
COMMENT ON COLUMN directory.snapshots.mfa_known IS 'Users whose MFA state was known when it was published. Null if its run did not read MFA states.';
COMMENT ON COLUMN directory.snapshots.settings IS 'The parts of the configuration that the snapshot keeps. Null: it keeps none (MIRROR_POOL_SETTINGS).';
COMMENT ON COLUMN directory.snapshots.settings_unread IS 'Why it could not read parts of the configuration, by part, or by the kind of parts (client/) if their list could not be read. Null: it read all.';
COMMENT ON COLUMN directory.snapshots.privacy IS 'What the privacy rules hid in its users: an object with omitted (names of attributes) and hashed (the id of the key by the name of each attribute). Null: nothing.';
COMMENT ON COLUMN directory.snapshots.manifest IS 'The key of its manifest, relative to the destination.';
COMMENT ON COLUMN directory.snapshots.manifest_sha256 IS 'The SHA-256 of its manifest, in hexadecimal.';
COMMENT ON COLUMN directory.snapshots.archive_removed_at IS 'When the mirror recorded that retention removed the objects of its archive. Its manifest stays. Null while they are there.';

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

DROP SCHEMA directory CASCADE;
