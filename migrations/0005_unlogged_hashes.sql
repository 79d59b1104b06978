-- Up Migration

-- A crash of Postgres that empties the hashes costs one snapshot that compares every row in full;
-- logging them costs a tenth of what a first publication writes.
ALTER TABLE mirror.user_hashes SET UNLOGGED;

-- Down Migration

ALTER TABLE mirror.user_hashes SET LOGGED;
