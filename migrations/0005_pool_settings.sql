-- Up Migration

-- The configuration of pools, one row for each part, such as `client/1a2b3c`. Secrets are hashed before
-- anything is written.
CREATE TABLE directory.pool_settings (
  pool_id text COLLATE "C" NOT NULL,
  part text COLLATE "C" NOT NULL,
  settings jsonb NOT NULL,
  valid_from timestamptz NOT NULL,
  read_at timestamptz NOT NULL,
  unread text,
  PRIMARY KEY (pool_id, part)
);
COMMENT ON TABLE directory.pool_settings IS 'The configuration of each pool by part, as of its last snapshot that kept it (MIRROR_POOL_SETTINGS).';
COMMENT ON COLUMN directory.pool_settings.pool_id IS 'The id of the pool.';
COMMENT ON COLUMN directory.pool_settings.part IS 'pool, password_policy, schema, triggers, mfa, tags, client/ID, provider/NAME, resource_server/ID, domain/NAME or ui/ID. The id of ui is that of a client, or ALL.';
COMMENT ON COLUMN directory.pool_settings.settings IS 'What the service said, by its own names. Secrets are keyed hashes; lists are sorted.';
COMMENT ON COLUMN directory.pool_settings.valid_from IS 'The first snapshot with this version. A newer LastModifiedDate alone makes no version.';
COMMENT ON COLUMN directory.pool_settings.read_at IS 'The last snapshot that read the part.';
COMMENT ON COLUMN directory.pool_settings.unread IS 'Why the last snapshot could not read the part, so that this is an older state of it. Null if it read it.';

CREATE TABLE directory.pool_setting_history (
  pool_id text COLLATE "C" NOT NULL,
  part text COLLATE "C" NOT NULL,
  settings jsonb NOT NULL,
  valid_from timestamptz NOT NULL,
  valid_to timestamptz NOT NULL,
  PRIMARY KEY (pool_id, part, valid_from)
);
CREATE INDEX pool_setting_history_valid_to ON directory.pool_setting_history (pool_id, valid_to);
COMMENT ON TABLE directory.pool_setting_history IS 'Closed versions of parts of the configuration. A version was valid from valid_from (inclusive) to valid_to (exclusive).';
COMMENT ON COLUMN directory.pool_setting_history.pool_id IS 'The id of the pool.';
COMMENT ON COLUMN directory.pool_setting_history.part IS 'As in directory.pool_settings.';
COMMENT ON COLUMN directory.pool_setting_history.settings IS 'As in directory.pool_settings.';
COMMENT ON COLUMN directory.pool_setting_history.valid_from IS 'The first snapshot with this version.';
COMMENT ON COLUMN directory.pool_setting_history.valid_to IS 'The first snapshot without it.';

CREATE FUNCTION directory.pool_settings_at (pool text, at timestamptz)
RETURNS TABLE (pool_id text, part text, settings jsonb, valid_from timestamptz)
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT s.pool_id, s.part, s.settings, s.valid_from FROM directory.pool_settings AS s
  WHERE s.pool_id = pool AND s.valid_from <= at AND directory.history_reaches(pool, at)
  UNION ALL
  SELECT h.pool_id, h.part, h.settings, h.valid_from FROM directory.pool_setting_history AS h
  WHERE h.pool_id = pool AND h.valid_from <= at AND h.valid_to > at
    AND directory.history_reaches(pool, at);
END;
COMMENT ON FUNCTION directory.pool_settings_at (text, timestamptz) IS 'The configuration of a pool at a moment: that of the published snapshot with the greatest snapshot_at up to it.';

-- Down Migration

DROP FUNCTION directory.pool_settings_at;
DROP TABLE directory.pool_setting_history, directory.pool_settings;
