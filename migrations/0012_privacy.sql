-- Up Migration

ALTER TABLE directory.snapshots ADD COLUMN privacy jsonb;
COMMENT ON COLUMN directory.snapshots.privacy IS 'What the privacy rules hid in its users: an object with omitted (names of attributes) and hashed (the id of the key by the name of each attribute). Null: nothing.';

-- Down Migration

ALTER TABLE directory.snapshots DROP COLUMN privacy;
