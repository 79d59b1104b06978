-- Up Migration

-- Row-level security as an option: nothing below changes what anyone sees until the owner calls
-- directory.restrict_reader.

-- A policy of directory.pools says which pools a reader sees. This function copies it to every other table,
-- also to those of later migrations, and lets views read with the rights of their reader.
CREATE FUNCTION mirror.apply_restrictions () RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  target record;
  restriction record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = 'directory.pools'::regclass) THEN
    RETURN;
  END IF;
  FOR target IN
    SELECT c.oid::regclass AS name, c.relkind = 'v' AS is_view, c.relrowsecurity AS has_policies,
      coalesce('security_invoker=true' = ANY (c.reloptions), false) AS is_invoker,
      EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'pool_id'
      ) AS has_pool
    FROM pg_class AS c
    WHERE c.relnamespace = 'directory'::regnamespace AND c.relkind IN ('r', 'p', 'v')
  LOOP
    IF target.is_view THEN
      IF NOT target.is_invoker THEN
        EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', target.name);
      END IF;
      CONTINUE;
    END IF;
    IF NOT EXISTS (
      SELECT FROM pg_policy WHERE polrelid = target.name AND polname = 'all_pools'
    ) THEN
      EXECUTE format('CREATE POLICY all_pools ON %s USING (true)', target.name);
    END IF;
    FOR restriction IN
      SELECT p.polname AS policy, r.rolname AS reader, own.polname IS NOT NULL AS exists,
        CASE WHEN target.has_pool THEN pg_get_expr(p.polqual, p.polrelid) ELSE 'false' END AS condition,
        pg_get_expr(own.polqual, own.polrelid) AS old_condition
      FROM pg_policy AS p
      JOIN pg_roles AS r ON ARRAY[r.oid] = p.polroles
      LEFT JOIN pg_policy AS own ON own.polrelid = target.name AND own.polname = p.polname
      WHERE p.polrelid = 'directory.pools'::regclass AND NOT p.polpermissive
    LOOP
      IF restriction.exists AND restriction.condition <> restriction.old_condition THEN
        EXECUTE format('DROP POLICY %I ON %s', restriction.policy, target.name);
      END IF;
      IF NOT restriction.exists OR restriction.condition <> restriction.old_condition THEN
        EXECUTE format('CREATE POLICY %I ON %s AS RESTRICTIVE TO %I USING (%s)',
          restriction.policy, target.name, restriction.reader, restriction.condition);
      END IF;
    END LOOP;
    -- Last, so that no table ever hides its rows from those who are not restricted.
    IF NOT target.has_policies THEN
      EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target.name);
    END IF;
  END LOOP;
  -- Views of schema directory read it with the rights of their reader, who cannot name it.
  GRANT SELECT ON mirror.history_starts TO PUBLIC;
END
$$;
COMMENT ON FUNCTION mirror.apply_restrictions () IS 'Gives every table and view of schema directory the restrictions of directory.restrict_reader. Without any, it changes nothing.';

CREATE FUNCTION directory.restrict_reader (reader text, VARIADIC pools text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  owner oid := (SELECT relowner FROM pg_class WHERE oid = 'directory.users'::regclass);
  reader_role pg_roles;
  writers text;
  pool text;
  policy text;
BEGIN
  IF current_setting('server_version_num')::integer < 150000 THEN
    RAISE EXCEPTION 'Restricted readers need Postgres 15 or newer.'
      USING HINT = 'Up to Postgres 14, views always read with the rights of their owner.';
  END IF;
  SELECT * INTO reader_role FROM pg_roles WHERE rolname = reader;
  IF reader_role.oid IS NULL THEN
    RAISE EXCEPTION 'The role % does not exist.', reader USING HINT = 'Create it first.';
  END IF;
  IF reader_role.rolsuper OR reader_role.rolbypassrls OR pg_has_role(reader_role.oid, owner, 'USAGE') THEN
    RAISE EXCEPTION 'The role % cannot be restricted: it is a superuser, bypasses row-level security, or has the rights of the owner.', reader
      USING HINT = 'Restrict a role of its own.';
  END IF;
  SELECT string_agg(quote_ident(r.rolname), ', ' ORDER BY r.rolname) INTO writers
  FROM pg_roles AS r
  WHERE r.rolcanlogin AND has_table_privilege(r.oid, 'directory.users', 'INSERT')
    AND NOT r.rolsuper AND NOT r.rolbypassrls AND NOT pg_has_role(r.oid, owner, 'USAGE');
  IF writers IS NOT NULL THEN
    RAISE EXCEPTION 'These roles write snapshots and do not bypass row-level security: %.', writers
      USING HINT = 'Run ALTER ROLE … BYPASSRLS for each as a superuser, or let the owner take snapshots.';
  END IF;
  FOREACH pool IN ARRAY pools LOOP
    IF NOT EXISTS (SELECT FROM directory.pools WHERE pool_id = pool) THEN
      RAISE WARNING 'The pool % is not mirrored.', pool;
    END IF;
  END LOOP;
  SELECT polname INTO policy FROM pg_policy
  WHERE polrelid = 'directory.pools'::regclass AND polroles = ARRAY[reader_role.oid];
  IF policy IS NOT NULL THEN
    EXECUTE format('DROP POLICY %I ON directory.pools', policy);
  END IF;
  EXECUTE format('CREATE POLICY %I ON directory.pools AS RESTRICTIVE TO %I USING (pool_id = ANY (%L::text[]))',
    coalesce(policy, 'pools_of_' || reader_role.oid), reader, pools);
  PERFORM mirror.apply_restrictions();
  EXECUTE format('GRANT USAGE ON SCHEMA directory TO %I', reader);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA directory TO %I', reader);
END
$$;
REVOKE EXECUTE ON FUNCTION directory.restrict_reader (text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION directory.restrict_reader (text, text[]) IS 'The owner calls it: lets a role read schema directory, and only these pools. Calling it again replaces the pools.';

-- Down Migration

DO $$
DECLARE
  target record;
BEGIN
  FOR target IN
    SELECT p.polname AS policy, p.polrelid::regclass AS name FROM pg_policy AS p
    JOIN pg_class AS c ON c.oid = p.polrelid WHERE c.relnamespace = 'directory'::regnamespace
  LOOP
    EXECUTE format('DROP POLICY %I ON %s', target.policy, target.name);
    EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', target.name);
  END LOOP;
  FOR target IN
    SELECT c.oid::regclass AS name FROM pg_class AS c
    WHERE c.relnamespace = 'directory'::regnamespace AND c.relkind = 'v'
      AND 'security_invoker=true' = ANY (c.reloptions)
  LOOP
    EXECUTE format('ALTER VIEW %s RESET (security_invoker)', target.name);
  END LOOP;
END
$$;
REVOKE SELECT ON mirror.history_starts FROM PUBLIC;
DROP FUNCTION directory.restrict_reader, mirror.apply_restrictions;
