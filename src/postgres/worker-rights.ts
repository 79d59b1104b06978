import type { Queryable } from './connection.ts';

/** The rights on rows that a worker's role needs (docs/OPERATIONS.md grants the same). */
export const WORKER_RIGHTS: readonly {
  readonly privileges: readonly string[];
  readonly relations: readonly string[];
}[] = [
  {
    privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
    relations: [
      'directory.users',
      'directory.groups',
      'directory.pool_settings',
      'mirror.user_hashes',
      'mirror.status_counts',
      'mirror.schedules',
      'mirror.requests',
      'mirror.workers',
      'mirror.notifications',
    ],
  },
  { privileges: ['SELECT', 'INSERT', 'DELETE'], relations: ['mirror.user_writers'] },
  {
    privileges: ['SELECT', 'INSERT', 'DELETE'],
    relations: [
      'directory.memberships',
      'directory.user_history',
      'directory.group_history',
      'directory.membership_history',
      'directory.pool_setting_history',
    ],
  },
  {
    privileges: ['SELECT', 'INSERT', 'UPDATE'],
    relations: [
      'directory.pools',
      'directory.snapshots',
      'directory.snapshot_checks',
      'mirror.runs',
      'mirror.snapshot_walks',
      'mirror.history_floors',
      'mirror.attempts',
      'mirror.progress',
      'mirror.pools',
      'mirror.verifications',
      'mirror.erasures',
      'mirror.suppressed',
    ],
  },
  {
    privileges: ['SELECT'],
    relations: [
      'directory.changes',
      'mirror.history_starts',
      'mirror.migrations',
      'mirror.installation',
    ],
  },
];

/** The rights on schemas that it needs. */
const SCHEMA_RIGHTS: readonly (readonly [schema: string, privilege: string])[] = [
  ['directory', 'USAGE'],
  ['mirror', 'USAGE'],
  ['mirror', 'CREATE'],
];

/** What the role of a session may not do. */
interface MissingRights {
  /** As `GRANT` has them: `INSERT ON directory.users`. */
  readonly grants: readonly string[];
  /** True if policies hide rows from it, so that the mirror refuses to read. */
  readonly isRestricted: boolean;
}

/** Finds the rights of a worker that the session's role lacks. The schemas exist. */
export async function findMissingRights(db: Queryable): Promise<MissingRights> {
  const wanted = WORKER_RIGHTS.flatMap(({ privileges, relations }) =>
    relations.flatMap((relation) => privileges.map((privilege) => ({ relation, privilege }))),
  );
  const schemas = SCHEMA_RIGHTS.map(([schema, privilege]) => ({ schema, privilege }));
  // By ids, because looking a relation up by name needs USAGE on its schema.
  const found = await db.query<{ name: string; privilege: string }>(
    `SELECT 'SCHEMA ' || s.schema AS name, s.privilege
     FROM jsonb_to_recordset($1) AS s (schema text, privilege text)
       JOIN pg_namespace AS n ON n.nspname = s.schema
     WHERE NOT has_schema_privilege(n.oid, s.privilege)
     UNION ALL
     SELECT r.relation, r.privilege
     FROM jsonb_to_recordset($2) AS r (relation text, privilege text)
       JOIN pg_namespace AS n ON n.nspname = split_part(r.relation, '.', 1)
       JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = split_part(r.relation, '.', 2)
     WHERE NOT has_table_privilege(c.oid, r.privilege)`,
    [JSON.stringify(schemas), JSON.stringify(wanted)],
  );
  const restricted = await db.query(
    `SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = 'directory' AND row_security_active(c.oid) AND c.relkind = 'r' LIMIT 1`,
  );
  const byName = new Map<string, string[]>();
  for (const { name, privilege } of found.rows) {
    byName.set(name, [...(byName.get(name) ?? []), privilege]);
  }
  const byPrivileges = new Map<string, string[]>();
  for (const [name, privileges] of byName) {
    const key = `${privileges.join(', ')} ON ${name.startsWith('SCHEMA ') ? 'SCHEMA ' : ''}`;
    byPrivileges.set(key, [...(byPrivileges.get(key) ?? []), name.replace('SCHEMA ', '')]);
  }
  return {
    grants: [...byPrivileges].map(([key, names]) => `${key}${names.join(', ')}`),
    isRestricted: (restricted.rowCount ?? 0) > 0,
  };
}
