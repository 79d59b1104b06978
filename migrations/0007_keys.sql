-- Up Migration

-- Logical replication of all tables (FOR ALL TABLES) needs a key to find rows by in each of them.
ALTER TABLE mirror.installation ADD PRIMARY KEY (id);

-- Readers call it by way of directory.identities, with search paths of their own.
ALTER FUNCTION mirror.json_array_of (text) SET search_path = pg_catalog, pg_temp;

-- Down Migration

ALTER FUNCTION mirror.json_array_of (text) RESET search_path;
ALTER TABLE mirror.installation DROP CONSTRAINT installation_pkey;
