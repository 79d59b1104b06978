-- Up Migration

-- What AdminGetUser alone tells of a user: no listing has it. A version keeps the reading that found its
-- values first, so a later reading that finds the same is no change.
ALTER TABLE directory.users
  ADD COLUMN mfa_settings text[],
  ADD COLUMN preferred_mfa text,
  ADD COLUMN mfa_read_at timestamptz;
ALTER TABLE directory.user_history
  ADD COLUMN mfa_settings text[],
  ADD COLUMN preferred_mfa text,
  ADD COLUMN mfa_read_at timestamptz;

DO $$
DECLARE
  target text;
  described record;
BEGIN
  FOREACH target IN ARRAY ARRAY['users', 'user_history'] LOOP
    FOR described IN SELECT * FROM (VALUES
      ('mfa_settings', 'UserMFASettingList, sorted: the second factors of the user. Empty if there is none, null if it is unknown.'),
      ('preferred_mfa', 'PreferredMfaSetting. Null if there is none, or if it is unknown.'),
      ('mfa_read_at', 'When AdminGetUser first returned these values. Null if the MFA state of the user is unknown.')
    ) AS texts (name, comment) LOOP
      EXECUTE format('COMMENT ON COLUMN directory.%I.%I IS %L', target, described.name, described.comment);
    END LOOP;
  END LOOP;
END
$$;

ALTER TABLE directory.snapshots ADD COLUMN mfa_known bigint;
COMMENT ON COLUMN directory.snapshots.mfa_known IS 'Users whose MFA state was known when it was published. Null if its run did not read MFA states.';

-- The published values, to repair a row with, and when the service was last asked.
ALTER TABLE mirror.user_hashes
  ADD COLUMN mfa_settings text[],
  ADD COLUMN preferred_mfa text,
  ADD COLUMN mfa_read_at timestamptz,
  ADD COLUMN mfa_asked_at timestamptz;
COMMENT ON COLUMN mirror.user_hashes.mfa_settings IS 'The mfa_settings of the published row.';
COMMENT ON COLUMN mirror.user_hashes.preferred_mfa IS 'The preferred_mfa of the published row.';
COMMENT ON COLUMN mirror.user_hashes.mfa_read_at IS 'The mfa_read_at of the published row.';
COMMENT ON COLUMN mirror.user_hashes.mfa_asked_at IS 'When the service was last asked for the MFA state of the user. Null: never.';

ALTER TABLE mirror.progress
  DROP CONSTRAINT progress_phase_check,
  ADD CONSTRAINT progress_phase_check CHECK (phase IN ('walk', 'check', 'mfa', 'publish', 'archive'));
COMMENT ON COLUMN mirror.progress.done IS 'How many of total are done: users confirmed or asked for, or rows archived. Null for other phases.';

ALTER TABLE mirror.pools ADD COLUMN reads_mfa boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN mirror.pools.reads_mfa IS 'True once a run has read MFA states of the pool. Other pools skip what keeps them.';

CREATE OR REPLACE FUNCTION directory.users_at (pool text, at timestamptz) RETURNS SETOF directory.users
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT u.* FROM directory.users AS u
  WHERE u.pool_id = pool AND u.valid_from <= at AND directory.history_reaches(pool, at)
  UNION ALL
  SELECT h.pool_id, h.username, h.sub, h.status, h.enabled, h.email, h.email_verified,
    h.phone_number, h.phone_number_verified, h.name, h.given_name, h.family_name,
    h.preferred_username, h.created_at, h.modified_at, h.attributes, h.mfa_options, h.escaped,
    h.valid_from, h.mfa_settings, h.preferred_mfa, h.mfa_read_at
  FROM directory.user_history AS h
  WHERE h.pool_id = pool AND h.valid_from <= at AND h.valid_to > at
    AND directory.history_reaches(pool, at);
END;

CREATE OR REPLACE VIEW directory.changes AS
WITH
  -- NOT MATERIALIZED, here and below, so that the conditions of a query use the tables' indexes.
  user_versions AS NOT MATERIALIZED (
    SELECT pool_id, username, sub, status, enabled, created_at, modified_at, attributes,
      mfa_options, escaped, mfa_settings, preferred_mfa, mfa_read_at, valid_from
    FROM directory.users
    UNION ALL
    SELECT pool_id, username, sub, status, enabled, created_at, modified_at, attributes,
      mfa_options, escaped, mfa_settings, preferred_mfa, mfa_read_at, valid_from
    FROM directory.user_history
  ),
  group_versions AS NOT MATERIALIZED (
    SELECT pool_id, group_name, description, role_arn, precedence, created_at, modified_at,
      escaped, valid_from
    FROM directory.groups
    UNION ALL
    SELECT pool_id, group_name, description, role_arn, precedence, created_at, modified_at,
      escaped, valid_from
    FROM directory.group_history
  ),
  membership_versions AS NOT MATERIALIZED (
    SELECT pool_id, group_name, username, sub, valid_from FROM directory.memberships
    UNION ALL
    SELECT pool_id, group_name, username, sub, valid_from FROM directory.membership_history
  ),
  all_changes AS (
    SELECT v.pool_id, v.valid_from AS snapshot_at, 'user' AS entity,
      jsonb_build_object('username', v.username) AS key,
      CASE WHEN b.username IS NULL THEN 'added' ELSE 'modified' END AS kind,
      CASE WHEN b.username IS NULL THEN '{}'::text[] ELSE array_remove(ARRAY[
        CASE WHEN v.status IS DISTINCT FROM b.status THEN 'status' END,
        CASE WHEN v.enabled IS DISTINCT FROM b.enabled THEN 'enabled' END,
        CASE WHEN v.created_at IS DISTINCT FROM b.created_at THEN 'created_at' END,
        CASE WHEN v.modified_at IS DISTINCT FROM b.modified_at THEN 'modified_at' END,
        CASE WHEN v.mfa_options IS DISTINCT FROM b.mfa_options THEN 'mfa_options' END,
        CASE WHEN v.mfa_settings IS DISTINCT FROM b.mfa_settings THEN 'mfa_settings' END,
        CASE WHEN v.preferred_mfa IS DISTINCT FROM b.preferred_mfa THEN 'preferred_mfa' END,
        CASE WHEN v.mfa_read_at IS DISTINCT FROM b.mfa_read_at THEN 'mfa_read_at' END,
        CASE WHEN v.escaped IS DISTINCT FROM b.escaped THEN 'escaped' END
      ], NULL) || mirror.differing_keys(v.attributes, b.attributes) END AS fields
    FROM user_versions AS v
    LEFT JOIN directory.user_history AS b ON b.pool_id = v.pool_id AND b.username = v.username
      AND b.valid_to = v.valid_from AND b.sub IS NOT DISTINCT FROM v.sub
    UNION ALL
    SELECT b.pool_id, b.valid_to, 'user', jsonb_build_object('username', b.username), 'removed', '{}'
    FROM directory.user_history AS b
    WHERE NOT EXISTS (
      SELECT FROM user_versions AS v WHERE v.pool_id = b.pool_id AND v.username = b.username
        AND v.valid_from = b.valid_to AND v.sub IS NOT DISTINCT FROM b.sub
    )
    UNION ALL
    SELECT v.pool_id, v.valid_from, 'group', jsonb_build_object('group_name', v.group_name),
      CASE WHEN b.group_name IS NULL THEN 'added' ELSE 'modified' END,
      CASE WHEN b.group_name IS NULL THEN '{}'::text[] ELSE array_remove(ARRAY[
        CASE WHEN v.description IS DISTINCT FROM b.description THEN 'description' END,
        CASE WHEN v.role_arn IS DISTINCT FROM b.role_arn THEN 'role_arn' END,
        CASE WHEN v.precedence IS DISTINCT FROM b.precedence THEN 'precedence' END,
        CASE WHEN v.created_at IS DISTINCT FROM b.created_at THEN 'created_at' END,
        CASE WHEN v.modified_at IS DISTINCT FROM b.modified_at THEN 'modified_at' END,
        CASE WHEN v.escaped IS DISTINCT FROM b.escaped THEN 'escaped' END
      ], NULL) END
    FROM group_versions AS v
    LEFT JOIN directory.group_history AS b ON b.pool_id = v.pool_id
      AND b.group_name = v.group_name AND b.valid_to = v.valid_from
    UNION ALL
    SELECT b.pool_id, b.valid_to, 'group', jsonb_build_object('group_name', b.group_name), 'removed', '{}'
    FROM directory.group_history AS b
    WHERE NOT EXISTS (
      SELECT FROM group_versions AS v WHERE v.pool_id = b.pool_id
        AND v.group_name = b.group_name AND v.valid_from = b.valid_to
    )
    UNION ALL
    SELECT v.pool_id, v.valid_from, 'membership',
      jsonb_build_object('group_name', v.group_name, 'username', v.username), 'added', '{}'
    FROM membership_versions AS v
    UNION ALL
    SELECT b.pool_id, b.valid_to, 'membership',
      jsonb_build_object('group_name', b.group_name, 'username', b.username), 'removed', '{}'
    FROM directory.membership_history AS b
  )
SELECT c.pool_id, c.snapshot_at, c.entity, c.key, c.kind, c.fields
FROM all_changes AS c
JOIN mirror.history_starts AS s ON s.pool_id = c.pool_id AND c.snapshot_at > s.starts_at;

CREATE VIEW directory.users_by_mfa AS
SELECT u.pool_id, u.mfa_settings IS NOT NULL AS known, s.mfa_setting, count(*) AS users
FROM directory.users AS u
LEFT JOIN LATERAL unnest(u.mfa_settings) AS s (mfa_setting) ON true
GROUP BY u.pool_id, known, s.mfa_setting;
COMMENT ON VIEW directory.users_by_mfa IS 'How many users have each second factor. A user with several counts for each.';
COMMENT ON COLUMN directory.users_by_mfa.pool_id IS 'The pool.';
COMMENT ON COLUMN directory.users_by_mfa.known IS 'False for users whose MFA state is unknown.';
COMMENT ON COLUMN directory.users_by_mfa.mfa_setting IS 'The second factor, such as SOFTWARE_TOKEN_MFA. Null for users without one, and for those whose state is unknown.';
COMMENT ON COLUMN directory.users_by_mfa.users IS 'The number of users.';

CREATE VIEW directory.users_without_mfa AS
SELECT pool_id, username, sub, email, status, enabled, mfa_read_at
FROM directory.users
WHERE mfa_settings = '{}';
COMMENT ON VIEW directory.users_without_mfa IS 'The users that are known to have no second factor. A federated user may have one at its identity provider.';
COMMENT ON COLUMN directory.users_without_mfa.pool_id IS 'The pool.';
COMMENT ON COLUMN directory.users_without_mfa.username IS 'The name of the user.';
COMMENT ON COLUMN directory.users_without_mfa.sub IS 'The sub of the user.';
COMMENT ON COLUMN directory.users_without_mfa.email IS 'The attribute email.';
COMMENT ON COLUMN directory.users_without_mfa.status IS 'UserStatus.';
COMMENT ON COLUMN directory.users_without_mfa.enabled IS 'True if the user may sign in.';
COMMENT ON COLUMN directory.users_without_mfa.mfa_read_at IS 'When AdminGetUser first returned this.';

-- Down Migration

DROP VIEW directory.users_without_mfa, directory.users_by_mfa;

CREATE OR REPLACE VIEW directory.changes AS
WITH
  -- NOT MATERIALIZED, here and below, so that the conditions of a query use the tables' indexes.
  user_versions AS NOT MATERIALIZED (
    SELECT pool_id, username, sub, status, enabled, created_at, modified_at, attributes,
      mfa_options, escaped, valid_from
    FROM directory.users
    UNION ALL
    SELECT pool_id, username, sub, status, enabled, created_at, modified_at, attributes,
      mfa_options, escaped, valid_from
    FROM directory.user_history
  ),
  group_versions AS NOT MATERIALIZED (
    SELECT pool_id, group_name, description, role_arn, precedence, created_at, modified_at,
      escaped, valid_from
    FROM directory.groups
    UNION ALL
    SELECT pool_id, group_name, description, role_arn, precedence, created_at, modified_at,
      escaped, valid_from
    FROM directory.group_history
  ),
  membership_versions AS NOT MATERIALIZED (
    SELECT pool_id, group_name, username, sub, valid_from FROM directory.memberships
    UNION ALL
    SELECT pool_id, group_name, username, sub, valid_from FROM directory.membership_history
  ),
  all_changes AS (
    SELECT v.pool_id, v.valid_from AS snapshot_at, 'user' AS entity,
      jsonb_build_object('username', v.username) AS key,
      CASE WHEN b.username IS NULL THEN 'added' ELSE 'modified' END AS kind,
      CASE WHEN b.username IS NULL THEN '{}'::text[] ELSE array_remove(ARRAY[
        CASE WHEN v.status IS DISTINCT FROM b.status THEN 'status' END,
        CASE WHEN v.enabled IS DISTINCT FROM b.enabled THEN 'enabled' END,
        CASE WHEN v.created_at IS DISTINCT FROM b.created_at THEN 'created_at' END,
        CASE WHEN v.modified_at IS DISTINCT FROM b.modified_at THEN 'modified_at' END,
        CASE WHEN v.mfa_options IS DISTINCT FROM b.mfa_options THEN 'mfa_options' END,
        CASE WHEN v.escaped IS DISTINCT FROM b.escaped THEN 'escaped' END
      ], NULL) || mirror.differing_keys(v.attributes, b.attributes) END AS fields
    FROM user_versions AS v
    LEFT JOIN directory.user_history AS b ON b.pool_id = v.pool_id AND b.username = v.username
      AND b.valid_to = v.valid_from AND b.sub IS NOT DISTINCT FROM v.sub
    UNION ALL
    SELECT b.pool_id, b.valid_to, 'user', jsonb_build_object('username', b.username), 'removed', '{}'
    FROM directory.user_history AS b
    WHERE NOT EXISTS (
      SELECT FROM user_versions AS v WHERE v.pool_id = b.pool_id AND v.username = b.username
        AND v.valid_from = b.valid_to AND v.sub IS NOT DISTINCT FROM b.sub
    )
    UNION ALL
    SELECT v.pool_id, v.valid_from, 'group', jsonb_build_object('group_name', v.group_name),
      CASE WHEN b.group_name IS NULL THEN 'added' ELSE 'modified' END,
      CASE WHEN b.group_name IS NULL THEN '{}'::text[] ELSE array_remove(ARRAY[
        CASE WHEN v.description IS DISTINCT FROM b.description THEN 'description' END,
        CASE WHEN v.role_arn IS DISTINCT FROM b.role_arn THEN 'role_arn' END,
        CASE WHEN v.precedence IS DISTINCT FROM b.precedence THEN 'precedence' END,
        CASE WHEN v.created_at IS DISTINCT FROM b.created_at THEN 'created_at' END,
        CASE WHEN v.modified_at IS DISTINCT FROM b.modified_at THEN 'modified_at' END,
        CASE WHEN v.escaped IS DISTINCT FROM b.escaped THEN 'escaped' END
      ], NULL) END
    FROM group_versions AS v
    LEFT JOIN directory.group_history AS b ON b.pool_id = v.pool_id
      AND b.group_name = v.group_name AND b.valid_to = v.valid_from
    UNION ALL
    SELECT b.pool_id, b.valid_to, 'group', jsonb_build_object('group_name', b.group_name), 'removed', '{}'
    FROM directory.group_history AS b
    WHERE NOT EXISTS (
      SELECT FROM group_versions AS v WHERE v.pool_id = b.pool_id
        AND v.group_name = b.group_name AND v.valid_from = b.valid_to
    )
    UNION ALL
    SELECT v.pool_id, v.valid_from, 'membership',
      jsonb_build_object('group_name', v.group_name, 'username', v.username), 'added', '{}'
    FROM membership_versions AS v
    UNION ALL
    SELECT b.pool_id, b.valid_to, 'membership',
      jsonb_build_object('group_name', b.group_name, 'username', b.username), 'removed', '{}'
    FROM directory.membership_history AS b
  )
SELECT c.pool_id, c.snapshot_at, c.entity, c.key, c.kind, c.fields
FROM all_changes AS c
JOIN mirror.history_starts AS s ON s.pool_id = c.pool_id AND c.snapshot_at > s.starts_at;

-- Its result is the row type of the table, which must match again when it is created.
DROP FUNCTION directory.users_at;
ALTER TABLE directory.users
  DROP COLUMN mfa_settings,
  DROP COLUMN preferred_mfa,
  DROP COLUMN mfa_read_at;
ALTER TABLE directory.user_history
  DROP COLUMN mfa_settings,
  DROP COLUMN preferred_mfa,
  DROP COLUMN mfa_read_at;
ALTER TABLE directory.snapshots DROP COLUMN mfa_known;
ALTER TABLE mirror.user_hashes
  DROP COLUMN mfa_settings,
  DROP COLUMN preferred_mfa,
  DROP COLUMN mfa_read_at,
  DROP COLUMN mfa_asked_at;
ALTER TABLE mirror.progress
  DROP CONSTRAINT progress_phase_check,
  ADD CONSTRAINT progress_phase_check CHECK (phase IN ('walk', 'check', 'publish', 'archive'));
ALTER TABLE mirror.pools DROP COLUMN reads_mfa;

CREATE FUNCTION directory.users_at (pool text, at timestamptz) RETURNS SETOF directory.users
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT u.pool_id, u.username, u.sub, u.status, u.enabled, u.email, u.email_verified,
    u.phone_number, u.phone_number_verified, u.name, u.given_name, u.family_name,
    u.preferred_username, u.created_at, u.modified_at, u.attributes, u.mfa_options, u.escaped,
    u.valid_from
  FROM directory.users AS u
  WHERE u.pool_id = pool AND u.valid_from <= at AND directory.history_reaches(pool, at)
  UNION ALL
  SELECT h.pool_id, h.username, h.sub, h.status, h.enabled, h.email, h.email_verified,
    h.phone_number, h.phone_number_verified, h.name, h.given_name, h.family_name,
    h.preferred_username, h.created_at, h.modified_at, h.attributes, h.mfa_options, h.escaped,
    h.valid_from
  FROM directory.user_history AS h
  WHERE h.pool_id = pool AND h.valid_from <= at AND h.valid_to > at
    AND directory.history_reaches(pool, at);
END;
COMMENT ON FUNCTION directory.users_at (text, timestamptz) IS 'The users of a pool at a moment: those of the published snapshot with the greatest snapshot_at up to it.';
