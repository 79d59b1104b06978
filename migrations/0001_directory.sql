-- Up Migration

-- Schema `directory` is for readers, and stable. Its tables hold the current state of each pool
-- and, in the *_history tables, the closed versions. Keys are compared by code point (COLLATE "C"),
-- so that key order is the same everywhere and the primary keys give it.
CREATE SCHEMA directory;
COMMENT ON SCHEMA directory IS 'What cognito-mirror publishes: the current state, the history and the snapshots of user pools. Stable; for readers.';

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
COMMENT ON TABLE directory.pools IS 'The user pools that are mirrored, as DescribeUserPool gave them last.';
COMMENT ON COLUMN directory.pools.pool_id IS 'The pool''s id; its Region is the part before the first underscore.';
COMMENT ON COLUMN directory.pools.name IS 'The pool''s name.';
COMMENT ON COLUMN directory.pools.arn IS 'The pool''s Amazon Resource Name.';
COMMENT ON COLUMN directory.pools.account_id IS 'The AWS account that owns the pool, from its ARN.';
COMMENT ON COLUMN directory.pools.region IS 'The AWS Region of the pool.';
COMMENT ON COLUMN directory.pools.estimated_users IS 'EstimatedNumberOfUsers: the service''s estimate, of undocumented freshness.';
COMMENT ON COLUMN directory.pools.mfa_configuration IS 'MfaConfiguration: OFF, ON or OPTIONAL.';
COMMENT ON COLUMN directory.pools.custom_attributes IS 'The names of the pool''s own attributes (custom:… and dev:custom:…), sorted.';
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
  valid_from timestamptz NOT NULL,
  PRIMARY KEY (pool_id, username)
);
CREATE INDEX users_valid_from ON directory.users (pool_id, valid_from);
CREATE INDEX users_sub ON directory.users (pool_id, sub);
COMMENT ON TABLE directory.users IS 'The users of each pool as of its last published snapshot.';

-- INCLUDING GENERATED: the typed columns come from the attributes here as well.
CREATE TABLE directory.user_history (
  LIKE directory.users INCLUDING GENERATED,
  valid_to timestamptz NOT NULL,
  PRIMARY KEY (pool_id, username, valid_from)
);
CREATE INDEX user_history_valid_to ON directory.user_history (pool_id, valid_to);
CREATE INDEX user_history_valid_from ON directory.user_history (pool_id, valid_from);
COMMENT ON TABLE directory.user_history IS 'Closed versions of users: what a user was from valid_from until, not including, valid_to.';

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
COMMENT ON TABLE directory.groups IS 'The groups of each pool as of its last published snapshot.';

CREATE TABLE directory.group_history (
  LIKE directory.groups,
  valid_to timestamptz NOT NULL,
  PRIMARY KEY (pool_id, group_name, valid_from)
);
CREATE INDEX group_history_valid_to ON directory.group_history (pool_id, valid_to);
COMMENT ON TABLE directory.group_history IS 'Closed versions of groups: what a group was from valid_from until, not including, valid_to.';

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
COMMENT ON TABLE directory.memberships IS 'Who is in which group, as of each pool''s last published snapshot.';

CREATE TABLE directory.membership_history (
  LIKE directory.memberships,
  valid_to timestamptz NOT NULL,
  PRIMARY KEY (pool_id, group_name, username, valid_from)
);
CREATE INDEX membership_history_username ON directory.membership_history (pool_id, username, group_name);
CREATE INDEX membership_history_valid_to ON directory.membership_history (pool_id, valid_to);
CREATE INDEX membership_history_valid_from ON directory.membership_history (pool_id, valid_from);
COMMENT ON TABLE directory.membership_history IS 'Closed memberships: who was in which group from valid_from until, not including, valid_to.';

DO $$
DECLARE
  target text;
  described record;
BEGIN
  FOREACH target IN ARRAY ARRAY['users', 'user_history'] LOOP
    FOR described IN SELECT * FROM (VALUES
      ('pool_id', 'The pool the user is in.'),
      ('username', 'The user''s name in the pool: its key there.'),
      ('sub', 'The service''s immutable id of the person. The same name with another sub is another person.'),
      ('status', 'UserStatus: CONFIRMED, EXTERNAL_PROVIDER and so on; an unknown value is kept as it came.'),
      ('enabled', 'Whether the user may sign in.'),
      ('email', 'The attribute email.'),
      ('email_verified', 'The attribute email_verified: true or false, else null.'),
      ('phone_number', 'The attribute phone_number.'),
      ('phone_number_verified', 'The attribute phone_number_verified: true or false, else null.'),
      ('name', 'The attribute name.'),
      ('given_name', 'The attribute given_name.'),
      ('family_name', 'The attribute family_name.'),
      ('preferred_username', 'The attribute preferred_username.'),
      ('created_at', 'UserCreateDate.'),
      ('modified_at', 'UserLastModifiedDate.'),
      ('attributes', 'Every attribute, by name, as an object of strings.'),
      ('mfa_options', 'MFAOptions as the service gave it (legacy, SMS only): an array of objects; null where there is none.'),
      ('escaped', 'The attributes and fields whose text Postgres cannot hold as it is: every backslash in them is doubled and each odd unit written as \uXXXX.'),
      ('valid_from', 'The snapshot_at of the snapshot that first saw this version.')
    ) AS texts (name, comment) LOOP
      EXECUTE format('COMMENT ON COLUMN directory.%I.%I IS %L', target, described.name, described.comment);
    END LOOP;
  END LOOP;
  FOREACH target IN ARRAY ARRAY['groups', 'group_history'] LOOP
    FOR described IN SELECT * FROM (VALUES
      ('pool_id', 'The pool the group is in.'),
      ('group_name', 'The group''s name: its key in the pool.'),
      ('description', 'The group''s description.'),
      ('role_arn', 'The IAM role of the group.'),
      ('precedence', 'The group''s precedence: 0 is the highest, null the lowest.'),
      ('created_at', 'CreationDate.'),
      ('modified_at', 'LastModifiedDate.'),
      ('escaped', 'The fields whose text Postgres cannot hold as it is: every backslash in them is doubled and each odd unit written as \uXXXX.'),
      ('valid_from', 'The snapshot_at of the snapshot that first saw this version.')
    ) AS texts (name, comment) LOOP
      EXECUTE format('COMMENT ON COLUMN directory.%I.%I IS %L', target, described.name, described.comment);
    END LOOP;
  END LOOP;
  FOREACH target IN ARRAY ARRAY['memberships', 'membership_history'] LOOP
    FOR described IN SELECT * FROM (VALUES
      ('pool_id', 'The pool of group and user.'),
      ('group_name', 'The group.'),
      ('username', 'The member''s name.'),
      ('sub', 'The member''s sub: which person of that name.'),
      ('valid_from', 'The snapshot_at of the snapshot that first saw this membership.')
    ) AS texts (name, comment) LOOP
      EXECUTE format('COMMENT ON COLUMN directory.%I.%I IS %L', target, described.name, described.comment);
    END LOOP;
  END LOOP;
  FOREACH target IN ARRAY ARRAY['user_history', 'group_history', 'membership_history'] LOOP
    EXECUTE format('COMMENT ON COLUMN directory.%I.valid_to IS %L', target,
      'The snapshot_at of the snapshot that first saw another version, or none.');
  END LOOP;
END
$$;

CREATE TABLE directory.snapshots (
  pool_id text COLLATE "C" NOT NULL,
  snapshot text COLLATE "C" NOT NULL,
  snapshot_at timestamptz NOT NULL,
  walked_at timestamptz,
  state text NOT NULL CHECK (state IN ('walking', 'held', 'published', 'archived', 'failed', 'discarded')),
  reason text,
  published_at timestamptz,
  archived_at timestamptz,
  users bigint,
  groups bigint,
  memberships bigint,
  added bigint,
  modified bigint,
  removed bigint,
  api_calls bigint NOT NULL DEFAULT 0,
  throttled bigint NOT NULL DEFAULT 0,
  retries bigint NOT NULL DEFAULT 0,
  manifest text,
  manifest_sha256 text,
  PRIMARY KEY (pool_id, snapshot_at),
  UNIQUE (pool_id, snapshot),
  CHECK (snapshot_at = date_trunc('second', snapshot_at, 'UTC'))
);
-- At most one snapshot of a pool is open at a time, whoever runs.
CREATE UNIQUE INDEX snapshots_open ON directory.snapshots (pool_id) WHERE state IN ('walking', 'held');
COMMENT ON TABLE directory.snapshots IS 'Every snapshot that was begun, with where it stands.';
COMMENT ON COLUMN directory.snapshots.pool_id IS 'The pool that the snapshot is of.';
COMMENT ON COLUMN directory.snapshots.snapshot IS 'The snapshot''s id: its snapshot_at as YYYYMMDDTHHMMSSZ.';
COMMENT ON COLUMN directory.snapshots.snapshot_at IS 'The moment the snapshot began, in whole seconds.';
COMMENT ON COLUMN directory.snapshots.walked_at IS 'The moment its last walk ended: its content spans snapshot_at to walked_at.';
COMMENT ON COLUMN directory.snapshots.state IS 'walking, held (waits for a person), published, archived, failed or discarded.';
COMMENT ON COLUMN directory.snapshots.reason IS 'Why it is held or failed, or what stopped it last; null where nothing did.';
COMMENT ON COLUMN directory.snapshots.published_at IS 'When it became the current state.';
COMMENT ON COLUMN directory.snapshots.archived_at IS 'When its manifest was written.';
COMMENT ON COLUMN directory.snapshots.users IS 'Users in it; null until it is checked.';
COMMENT ON COLUMN directory.snapshots.groups IS 'Groups in it; null until it is checked.';
COMMENT ON COLUMN directory.snapshots.memberships IS 'Memberships in it; null until it is checked.';
COMMENT ON COLUMN directory.snapshots.added IS 'Users that the snapshot published before it did not have (for the first, all).';
COMMENT ON COLUMN directory.snapshots.modified IS 'Users that differ from the snapshot published before it.';
COMMENT ON COLUMN directory.snapshots.removed IS 'Users of the snapshot published before it that are gone.';
COMMENT ON COLUMN directory.snapshots.api_calls IS 'Attempts against the service, retries included.';
COMMENT ON COLUMN directory.snapshots.throttled IS 'Attempts that the service answered with throttling.';
COMMENT ON COLUMN directory.snapshots.retries IS 'Attempts that repeated an earlier one.';
COMMENT ON COLUMN directory.snapshots.manifest IS 'The key of its manifest at the destination.';
COMMENT ON COLUMN directory.snapshots.manifest_sha256 IS 'The SHA-256 of its manifest, in hex.';

-- Down Migration

DROP SCHEMA directory CASCADE;
