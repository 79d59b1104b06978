import type { Queryable } from './connection.ts';

/** What a server says about itself and about the role of a session. */
export interface ServerFacts {
  readonly version: string;
  readonly role: string;
  readonly isSuperuser: boolean;
  readonly database: string;
  /** True if the role may create schemas in the database. */
  readonly mayCreate: boolean;
  readonly databaseBytes: number;
  /** Connections of all clients, and of this role. */
  readonly used: number;
  readonly usedByRole: number;
  /** The connections that the server, the role and the database allow to this role. */
  readonly limit: number;
  readonly limitOfRole: number;
}

/** Reads the facts. It needs no right. */
export async function readServerFacts(db: Queryable): Promise<ServerFacts> {
  // The statistics of databases count every connection; a role may see its own sessions only.
  const { rows } = await db.query<ServerFacts>(
    `SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
       current_user::text AS role, r.rolsuper AS "isSuperuser", d.datname::text AS database,
       has_database_privilege(d.oid, 'CREATE') AS "mayCreate",
       pg_database_size(d.oid) AS "databaseBytes",
       (SELECT coalesce(sum(numbackends), 0)::integer FROM pg_stat_database) AS used,
       (SELECT count(*)::integer FROM pg_stat_activity WHERE usesysid = r.oid) AS "usedByRole",
       CASE WHEN r.rolsuper THEN current_setting('max_connections')::integer
         ELSE current_setting('max_connections')::integer
           - current_setting('superuser_reserved_connections')::integer
           - coalesce(current_setting('reserved_connections', true)::integer, 0)
       END AS "limit",
       least(nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1), 2147483647) AS "limitOfRole"
     FROM pg_roles AS r, pg_database AS d
     WHERE r.rolname = current_user AND d.datname = current_database()`,
  );
  return rows[0] as ServerFacts;
}

/** Settings that put committed data at risk, or let tables grow, with their safe value. */
const SAFE_SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  autovacuum: 'on',
  track_counts: 'on',
};

/** A setting that should be another one, and where it comes from. */
export interface UnsafeSetting {
  readonly name: string;
  readonly value: string;
  readonly safe: string;
  /** `database`, `user`, `database user` or where else it is set. */
  readonly source: string;
}

/** Finds the settings of a session that put data at risk. The program sets all others itself. */
export async function findUnsafeSettings(db: Queryable): Promise<UnsafeSetting[]> {
  const { rows } = await db.query<UnsafeSetting>(
    `SELECT s.name, s.setting AS value, safe.value AS safe, s.source
     FROM jsonb_each_text($1) AS safe (name, value) JOIN pg_settings AS s USING (name)
     WHERE s.setting IN ('off', 'local') ORDER BY s.name`,
    [JSON.stringify(SAFE_SETTINGS)],
  );
  return rows;
}
