-- Up Migration

-- Raises an error if the state of a pool at a moment is unknown, so that a query never returns an
-- incomplete state. SECURITY DEFINER, because readers have no access to schema mirror. So the rights of the
-- reader decide in the function of schema directory if the pool exists, and this one knows the rest.
CREATE FUNCTION mirror.history_reaches (pool text, at timestamptz, visible boolean) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  first timestamptz;
  floor timestamptz;
  ahead timestamptz;
BEGIN
  IF at IS NULL THEN
    RAISE EXCEPTION 'The moment is null.'
      USING HINT = 'Pass a time, such as a snapshot_at of directory.snapshots.';
  END IF;
  SELECT min(snapshot_at) INTO first FROM directory.snapshots
  WHERE pool_id = pool AND state IN ('published', 'archived') AND visible;
  IF first IS NULL THEN
    RAISE EXCEPTION 'No snapshot of pool % has been published.', pool
      USING HINT = 'directory.pools lists the mirrored pools.';
  END IF;
  IF at < first THEN
    RAISE EXCEPTION 'The history of pool % begins with its first snapshot at %.', pool, first
      USING HINT = 'Ask for a later time.';
  END IF;
  SELECT retained_from INTO floor FROM mirror.history_floors WHERE pool_id = pool;
  IF at < floor THEN
    RAISE EXCEPTION 'The history of pool % reaches back to %: older versions were deleted (MIRROR_HISTORY_DAYS).', pool, floor
      USING HINT = 'Ask for a later time, or read the archive of that day.';
  END IF;
  -- While the clock of Postgres was ahead, snapshots got a later time than they were published at. For a
  -- moment in between, users_at would return an older state. The time of a snapshot itself is always
  -- valid. One minute allows for snapshots in quick succession, which are a few seconds ahead.
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
    RAISE EXCEPTION 'A snapshot of pool % that was published by then has the later time %: the clock of Postgres was ahead.', pool, ahead
      USING HINT = 'Read directory.users for the current state, or ask for a snapshot_at of directory.snapshots.';
  END IF;
  RETURN true;
END
$$;
COMMENT ON FUNCTION mirror.history_reaches (text, timestamptz, boolean) IS 'directory.history_reaches for one who may see the pool, or may not.';

CREATE FUNCTION directory.history_reaches (pool text, at timestamptz) RETURNS boolean
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT mirror.history_reaches(pool, at, EXISTS (
    SELECT FROM directory.snapshots AS s WHERE s.pool_id = pool
  ));
END;
COMMENT ON FUNCTION directory.history_reaches (text, timestamptz) IS 'True if the state of the pool at the moment is known. Else an error: no snapshot was published by then, older versions were deleted, or snapshots have a time in the future.';

CREATE FUNCTION directory.users_at (pool text, at timestamptz) RETURNS SETOF directory.users
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT u.* FROM directory.users AS u
  WHERE u.pool_id = pool AND u.valid_from <= at AND directory.history_reaches(pool, at)
  UNION ALL
  SELECT h.pool_id, h.username, h.sub, h.status, h.enabled, h.email, h.email_verified,
    h.phone_number, h.phone_number_verified, h.name, h.given_name, h.family_name,
    h.preferred_username, h.created_at, h.modified_at, h.attributes, h.mfa_options, h.escaped,
    h.mfa_settings, h.preferred_mfa, h.mfa_read_at, h.valid_from
  FROM directory.user_history AS h
  WHERE h.pool_id = pool AND h.valid_from <= at AND h.valid_to > at
    AND directory.history_reaches(pool, at);
END;
COMMENT ON FUNCTION directory.users_at (text, timestamptz) IS 'The users of a pool at a moment: those of the published snapshot with the greatest snapshot_at up to it.';

CREATE FUNCTION directory.groups_at (pool text, at timestamptz) RETURNS SETOF directory.groups
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT g.* FROM directory.groups AS g
  WHERE g.pool_id = pool AND g.valid_from <= at AND directory.history_reaches(pool, at)
  UNION ALL
  SELECT h.pool_id, h.group_name, h.description, h.role_arn, h.precedence, h.created_at,
    h.modified_at, h.escaped, h.valid_from
  FROM directory.group_history AS h
  WHERE h.pool_id = pool AND h.valid_from <= at AND h.valid_to > at
    AND directory.history_reaches(pool, at);
END;
COMMENT ON FUNCTION directory.groups_at (text, timestamptz) IS 'The groups of a pool at a moment: those of the published snapshot with the greatest snapshot_at up to it.';

CREATE FUNCTION directory.memberships_at (pool text, at timestamptz) RETURNS SETOF directory.memberships
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT m.* FROM directory.memberships AS m
  WHERE m.pool_id = pool AND m.valid_from <= at AND directory.history_reaches(pool, at)
  UNION ALL
  SELECT h.pool_id, h.group_name, h.username, h.sub, h.valid_from
  FROM directory.membership_history AS h
  WHERE h.pool_id = pool AND h.valid_from <= at AND h.valid_to > at
    AND directory.history_reaches(pool, at);
END;
COMMENT ON FUNCTION directory.memberships_at (text, timestamptz) IS 'The memberships of a pool at a moment: those of the published snapshot with the greatest snapshot_at up to it.';

-- The history of a pool starts with its first snapshot, which has no changes. Pruning moves the start.
CREATE VIEW mirror.history_starts AS
SELECT s.pool_id, greatest(min(s.snapshot_at), max(f.retained_from)) AS starts_at
FROM directory.snapshots AS s
LEFT JOIN mirror.history_floors AS f USING (pool_id)
WHERE s.state IN ('published', 'archived')
GROUP BY s.pool_id;
COMMENT ON VIEW mirror.history_starts IS 'The snapshot after which the changes of each pool are known.';

CREATE FUNCTION mirror.differing_keys (a jsonb, b jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
  SELECT coalesce(array_agg(key ORDER BY key), '{}')
  FROM (SELECT key FROM jsonb_object_keys(a) AS key UNION SELECT key FROM jsonb_object_keys(b) AS key) AS keys
  WHERE (a -> key) IS DISTINCT FROM (b -> key);
END;
COMMENT ON FUNCTION mirror.differing_keys (jsonb, jsonb) IS 'The keys whose values differ between two objects, sorted.';

CREATE VIEW directory.changes AS
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
COMMENT ON VIEW directory.changes IS 'The changes between each published snapshot and the previous one. The first snapshot of a pool has none.';
COMMENT ON COLUMN directory.changes.pool_id IS 'The pool.';
COMMENT ON COLUMN directory.changes.snapshot_at IS 'The snapshot that has the change.';
COMMENT ON COLUMN directory.changes.entity IS 'user, group or membership.';
COMMENT ON COLUMN directory.changes.key IS 'The key of the entity in the pool: username, group_name, or both.';
COMMENT ON COLUMN directory.changes.kind IS 'added, modified or removed. A name that came back with another sub is removed and added.';
COMMENT ON COLUMN directory.changes.fields IS 'The columns and attributes that differ, for a modified user or group.';

-- An identity provider may send any text, and malformed text must not make the view fail.
CREATE FUNCTION mirror.parse_json_array (value text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  parsed jsonb := value::jsonb;
BEGIN
  RETURN CASE jsonb_typeof(parsed) WHEN 'array' THEN parsed ELSE '[]' END;
EXCEPTION WHEN OTHERS THEN
  RETURN '[]';
END
$$;
COMMENT ON FUNCTION mirror.parse_json_array (text) IS 'The JSON array in a text. Empty if the text is anything else.';

CREATE VIEW directory.identities AS
SELECT u.pool_id, u.username, u.sub,
  i.identity ->> 'userId' AS user_id,
  i.identity ->> 'providerName' AS provider_name,
  i.identity ->> 'providerType' AS provider_type,
  i.identity ->> 'issuer' AS issuer,
  CASE lower(i.identity ->> 'primary') WHEN 'true' THEN true WHEN 'false' THEN false END AS is_primary,
  CASE WHEN i.identity ->> 'dateCreated' ~ '^[0-9]{1,14}$'
    THEN to_timestamp((i.identity ->> 'dateCreated')::double precision / 1000) END AS created_at
FROM directory.users AS u
CROSS JOIN LATERAL jsonb_array_elements(mirror.parse_json_array(u.attributes ->> 'identities')) AS i (identity)
WHERE u.attributes ? 'identities' AND jsonb_typeof(i.identity) = 'object';
COMMENT ON VIEW directory.identities IS 'The identities linked to each user: the attribute `identities` as rows.';
COMMENT ON COLUMN directory.identities.pool_id IS 'The pool.';
COMMENT ON COLUMN directory.identities.username IS 'The user with the identity.';
COMMENT ON COLUMN directory.identities.sub IS 'The sub of the user.';
COMMENT ON COLUMN directory.identities.user_id IS 'userId: the id of the person at the provider.';
COMMENT ON COLUMN directory.identities.provider_name IS 'providerName: the name of the provider.';
COMMENT ON COLUMN directory.identities.provider_type IS 'providerType, such as SAML or Google.';
COMMENT ON COLUMN directory.identities.issuer IS 'issuer: who issued the identity.';
COMMENT ON COLUMN directory.identities.is_primary IS 'primary: true, false, or null for any other text.';
COMMENT ON COLUMN directory.identities.created_at IS 'dateCreated: when the identity was linked.';

-- 128 characters are the longest username.
CREATE FUNCTION directory.identity_names (attributes jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
  SELECT coalesce(array_agg(named.name ORDER BY named.name), '{}')
  FROM (
    SELECT "left"((i.identity ->> 'providerName') || '_' || (i.identity ->> 'userId'), 128) AS name
    FROM jsonb_array_elements(mirror.parse_json_array(attributes ->> 'identities')) AS i (identity)
  ) AS named
  WHERE named.name IS NOT NULL;
END;
COMMENT ON FUNCTION directory.identity_names (jsonb) IS 'The usernames of the federated profiles of the identities in these attributes: providerName_userId.';

-- Only of users with a linked identity. The primary one is that of the profile's own name, which most
-- federated users have, and an index of all would cost every publication.
CREATE INDEX users_identity_names ON directory.users USING gin (directory.identity_names(attributes))
WHERE attributes ->> 'identities' LIKE '%"primary"%false%';

CREATE VIEW directory.effective_roles AS
SELECT r.pool_id, r.username, min(r.role_arn) AS role_arn
FROM (
  SELECT m.pool_id, m.username, g.role_arn,
    rank() OVER (PARTITION BY m.pool_id, m.username ORDER BY g.precedence NULLS LAST) AS level
  FROM directory.memberships AS m
  JOIN directory.groups AS g USING (pool_id, group_name)
) AS r
WHERE r.level = 1
GROUP BY r.pool_id, r.username
HAVING count(DISTINCT r.role_arn) = 1;
COMMENT ON VIEW directory.effective_roles IS 'The role that each user gets: the only distinct role among the groups with the lowest precedence value of the user. No row if there is no such role, or more than one.';
COMMENT ON COLUMN directory.effective_roles.pool_id IS 'The pool.';
COMMENT ON COLUMN directory.effective_roles.username IS 'The user.';
COMMENT ON COLUMN directory.effective_roles.role_arn IS 'The ARN of the role.';

-- Down Migration

DROP VIEW directory.effective_roles, directory.identities, directory.changes, mirror.history_starts;
DROP INDEX directory.users_identity_names;
DROP FUNCTION directory.identity_names, mirror.parse_json_array, mirror.differing_keys;
DROP FUNCTION directory.memberships_at, directory.groups_at, directory.users_at,
  directory.history_reaches, mirror.history_reaches;
