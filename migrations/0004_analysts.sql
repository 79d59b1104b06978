-- Up Migration

-- Answers to common questions about users and groups, as views of schema `directory`. Days are those of
-- UTC. A test reads the plan of each view.

CREATE VIEW directory.users_by_status AS
SELECT pool_id, status, count(*) AS users
FROM directory.users
GROUP BY pool_id, status;
COMMENT ON VIEW directory.users_by_status IS 'How many users have each status.';

CREATE VIEW directory.users_by_domain AS
SELECT pool_id, lower(substring(email FROM '@([^@]*)$')) AS domain, count(*) AS users
FROM directory.users
GROUP BY pool_id, domain;
COMMENT ON VIEW directory.users_by_domain IS 'How many users have an e-mail address of each domain.';
COMMENT ON COLUMN directory.users_by_domain.domain IS 'The domain in lower case. Null for users without an e-mail address.';

CREATE VIEW directory.users_by_provider AS
SELECT u.pool_id, i.provider_name, count(*) AS users
FROM directory.users AS u
LEFT JOIN LATERAL (
  SELECT DISTINCT e.identity ->> 'providerName' AS provider_name
  FROM jsonb_array_elements(
    CASE WHEN u.attributes ? 'identities'
      THEN mirror.parse_json_array(u.attributes ->> 'identities') END
  ) AS e (identity)
) AS i ON true
GROUP BY u.pool_id, i.provider_name;
COMMENT ON VIEW directory.users_by_provider IS 'How many users have an identity of each provider. A user with several providers counts for each.';
COMMENT ON COLUMN directory.users_by_provider.provider_name IS 'The name of the provider. Null for users without an identity.';

CREATE VIEW directory.users_by_day AS
SELECT pool_id, (created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS users
FROM directory.users
GROUP BY pool_id, day;
COMMENT ON VIEW directory.users_by_day IS 'How many of the current users were created on each day.';
COMMENT ON COLUMN directory.users_by_day.day IS 'The day of created_at, in UTC.';

-- The joins are those of directory.changes, which also compares the attributes.
CREATE VIEW directory.changes_by_day AS
WITH
  versions AS NOT MATERIALIZED (
    SELECT pool_id, username, sub, status, valid_from FROM directory.users
    UNION ALL
    SELECT pool_id, username, sub, status, valid_from FROM directory.user_history
  ),
  events AS (
    SELECT v.pool_id, v.valid_from AS snapshot_at,
      CASE WHEN b.username IS NULL THEN 'sign-up'
        WHEN v.status IS DISTINCT FROM b.status THEN 'status change' END AS event
    FROM mirror.history_starts AS s
    JOIN versions AS v ON v.pool_id = s.pool_id AND v.valid_from > s.starts_at
    LEFT JOIN directory.user_history AS b ON b.pool_id = v.pool_id AND b.username = v.username
      AND b.valid_to = v.valid_from AND b.sub IS NOT DISTINCT FROM v.sub
    UNION ALL
    SELECT b.pool_id, b.valid_to, 'removal'
    FROM mirror.history_starts AS s
    JOIN directory.user_history AS b ON b.pool_id = s.pool_id AND b.valid_to > s.starts_at
    WHERE NOT EXISTS (
      SELECT FROM versions AS v WHERE v.pool_id = b.pool_id AND v.username = b.username
        AND v.valid_from = b.valid_to AND v.sub IS NOT DISTINCT FROM b.sub
    )
  )
SELECT pool_id, (snapshot_at AT TIME ZONE 'UTC')::date AS day,
  count(*) FILTER (WHERE event = 'sign-up') AS sign_ups,
  count(*) FILTER (WHERE event = 'removal') AS removals,
  count(*) FILTER (WHERE event = 'status change') AS status_changes
FROM events
WHERE event IS NOT NULL
GROUP BY pool_id, day;
COMMENT ON VIEW directory.changes_by_day IS 'Sign-ups, removals and status changes of each day, by the history. A day without any has no row, and the first snapshot of a pool has none.';
COMMENT ON COLUMN directory.changes_by_day.day IS 'The day of the snapshots that have the changes, in UTC.';
COMMENT ON COLUMN directory.changes_by_day.sign_ups IS 'Users that a snapshot had and the one before did not. A name that came back with another sub is a sign-up and a removal.';
COMMENT ON COLUMN directory.changes_by_day.removals IS 'Users that a snapshot no longer had.';
COMMENT ON COLUMN directory.changes_by_day.status_changes IS 'Users whose status differs from the snapshot before.';

CREATE VIEW directory.group_sizes AS
WITH
  events AS (
    SELECT pool_id, group_name, valid_from AS at, 0 AS difference FROM directory.groups
    UNION ALL
    SELECT pool_id, group_name, valid_from, 0 FROM directory.group_history
    UNION ALL
    SELECT pool_id, group_name, valid_from, 1 FROM directory.memberships
    UNION ALL
    SELECT pool_id, group_name, valid_from, 1 FROM directory.membership_history
    UNION ALL
    SELECT pool_id, group_name, valid_to, -1 FROM directory.membership_history
  ),
  -- Before the start of the history, memberships are missing.
  sizes AS (
    SELECT e.pool_id, e.group_name, greatest(e.at, s.starts_at) AS at,
      sum(sum(e.difference)) OVER (
        PARTITION BY e.pool_id, e.group_name ORDER BY greatest(e.at, s.starts_at)
      )::bigint AS members
    FROM events AS e
    JOIN mirror.history_starts AS s USING (pool_id)
    GROUP BY e.pool_id, e.group_name, greatest(e.at, s.starts_at)
  ),
  compared AS (
    SELECT pool_id, group_name, at, members,
      lag(members) OVER (PARTITION BY pool_id, group_name ORDER BY at) AS before
    FROM sizes
  )
SELECT pool_id, group_name, members, at AS valid_from,
  lead(at) OVER (PARTITION BY pool_id, group_name ORDER BY at) AS valid_to
FROM compared
WHERE members IS DISTINCT FROM before;
COMMENT ON VIEW directory.group_sizes IS 'The number of members of each group over time: a row for each period with one size. A group that is gone has no members.';
COMMENT ON COLUMN directory.group_sizes.members IS 'The number of members.';
COMMENT ON COLUMN directory.group_sizes.valid_from IS 'The snapshot_at of the first snapshot with this size, or the start of a history that was pruned.';
COMMENT ON COLUMN directory.group_sizes.valid_to IS 'The snapshot_at of the first snapshot with another size. Null for the current size.';

CREATE VIEW directory.users_in_no_group AS
SELECT u.pool_id, u.username, u.sub, u.email, u.status, u.enabled, u.created_at
FROM directory.users AS u
WHERE NOT EXISTS (
  SELECT FROM directory.memberships AS m
  WHERE m.pool_id = u.pool_id AND m.username = u.username
);
COMMENT ON VIEW directory.users_in_no_group IS 'The users that are in no group.';

CREATE VIEW directory.users_in_several_groups AS
SELECT pool_id, username, array_agg(group_name ORDER BY group_name) AS groups
FROM directory.memberships
GROUP BY pool_id, username
HAVING count(*) > 1;
COMMENT ON VIEW directory.users_in_several_groups IS 'The users that are in more than one group.';
COMMENT ON COLUMN directory.users_in_several_groups.groups IS 'The names of the groups, sorted.';

CREATE VIEW directory.duplicate_emails AS
SELECT pool_id, lower(email) AS email, count(*) AS users, array_agg(username ORDER BY username) AS usernames
FROM directory.users
WHERE email_verified AND email IS NOT NULL
GROUP BY pool_id, lower(email)
HAVING count(*) > 1;
COMMENT ON VIEW directory.duplicate_emails IS 'The verified e-mail addresses that several users of a pool have.';
COMMENT ON COLUMN directory.duplicate_emails.email IS 'The address in lower case.';
COMMENT ON COLUMN directory.duplicate_emails.usernames IS 'The names of these users, sorted.';

CREATE VIEW directory.linked_profiles AS
SELECT i.pool_id, i.username, i.sub, i.provider_name,
  i.provider_name || '_' || i.user_id AS linked_username, p.sub AS linked_sub
FROM directory.identities AS i
LEFT JOIN directory.users AS p
  ON p.pool_id = i.pool_id AND p.username = i.provider_name || '_' || i.user_id
WHERE NOT i.is_primary AND i.username <> i.provider_name || '_' || i.user_id;
COMMENT ON VIEW directory.linked_profiles IS 'The federated profiles that are linked to each user.';
COMMENT ON COLUMN directory.linked_profiles.provider_name IS 'The name of the provider.';
COMMENT ON COLUMN directory.linked_profiles.linked_username IS 'The name of the linked profile: providerName_userId.';
COMMENT ON COLUMN directory.linked_profiles.linked_sub IS 'The sub of the linked profile. Null if the pool has no such user.';

CREATE VIEW directory.unconfirmed_users AS
SELECT pool_id, username, sub, email, enabled, created_at, modified_at AS unchanged_since
FROM directory.users
WHERE status = 'UNCONFIRMED';
COMMENT ON VIEW directory.unconfirmed_users IS 'The users that never confirmed their sign-up, and since when they are unchanged.';
COMMENT ON COLUMN directory.unconfirmed_users.unchanged_since IS 'UserLastModifiedDate.';

CREATE VIEW directory.custom_attributes AS
SELECT u.pool_id, u.username, u.sub, a.name, a.value
FROM directory.users AS u
CROSS JOIN LATERAL jsonb_each_text(u.attributes) AS a (name, value)
WHERE starts_with(a.name, 'custom:') OR starts_with(a.name, 'dev:custom:');
COMMENT ON VIEW directory.custom_attributes IS 'The custom attributes of each user as rows.';
COMMENT ON COLUMN directory.custom_attributes.name IS 'The name, with custom: or dev:custom:.';
COMMENT ON COLUMN directory.custom_attributes.value IS 'The value.';

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

-- Only a name that has closed versions can have had another sub.
CREATE VIEW directory.replaced_users AS
WITH
  versions AS (
    SELECT pool_id, username, sub, valid_from FROM directory.user_history
    UNION ALL
    SELECT u.pool_id, u.username, u.sub, u.valid_from FROM directory.users AS u
    WHERE EXISTS (
      SELECT FROM directory.user_history AS h
      WHERE h.pool_id = u.pool_id AND h.username = u.username
    )
  ),
  compared AS (
    SELECT pool_id, username, sub, valid_from,
      lag(sub) OVER names AS old_sub, lag(valid_from) OVER names AS before
    FROM versions
    WINDOW names AS (PARTITION BY pool_id, username ORDER BY valid_from)
  )
SELECT pool_id, username, old_sub, sub AS new_sub, valid_from AS snapshot_at
FROM compared
WHERE before IS NOT NULL AND sub IS DISTINCT FROM old_sub;
COMMENT ON VIEW directory.replaced_users IS 'The names that came back with another sub: they belong to another person.';
COMMENT ON COLUMN directory.replaced_users.old_sub IS 'The sub before.';
COMMENT ON COLUMN directory.replaced_users.new_sub IS 'The sub that took its place.';
COMMENT ON COLUMN directory.replaced_users.snapshot_at IS 'The first snapshot with the new sub.';

DO $$
DECLARE
  described record;
BEGIN
  FOR described IN
    SELECT a.attrelid::regclass AS target, texts.name, texts.comment
    FROM (VALUES
      ('pool_id', 'The pool.'),
      ('username', 'The name of the user.'),
      ('sub', 'The sub of the user.'),
      ('email', 'The attribute email.'),
      ('status', 'UserStatus.'),
      ('enabled', 'True if the user may sign in.'),
      ('created_at', 'UserCreateDate.'),
      ('group_name', 'The name of the group.'),
      ('users', 'The number of users.')
    ) AS texts (name, comment)
    JOIN pg_attribute AS a ON a.attname = texts.name
    WHERE a.attrelid IN (
      'directory.users_by_status'::regclass, 'directory.users_by_domain'::regclass,
      'directory.users_by_provider'::regclass, 'directory.users_by_day'::regclass,
      'directory.changes_by_day'::regclass, 'directory.group_sizes'::regclass,
      'directory.users_in_no_group'::regclass, 'directory.users_in_several_groups'::regclass,
      'directory.duplicate_emails'::regclass, 'directory.linked_profiles'::regclass,
      'directory.unconfirmed_users'::regclass, 'directory.custom_attributes'::regclass,
      'directory.replaced_users'::regclass
    ) AND col_description(a.attrelid, a.attnum) IS NULL
  LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', described.target, described.name, described.comment);
  END LOOP;
END
$$;

-- Down Migration

DROP VIEW directory.replaced_users, directory.users_without_mfa, directory.users_by_mfa,
  directory.custom_attributes, directory.unconfirmed_users,
  directory.linked_profiles, directory.duplicate_emails, directory.users_in_several_groups,
  directory.users_in_no_group, directory.group_sizes, directory.changes_by_day,
  directory.users_by_day, directory.users_by_provider, directory.users_by_domain,
  directory.users_by_status;
