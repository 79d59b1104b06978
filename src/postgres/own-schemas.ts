import { ActionRequiredError } from '../model/errors.ts';
import type { Queryable } from './connection.ts';

/** The relations of each migration, to detect missing ones. */
const CREATED_BY: Readonly<Record<string, readonly string[]>> = {
  '0001_directory': [
    'directory.pools',
    'directory.users',
    'directory.user_history',
    'directory.groups',
    'directory.group_history',
    'directory.memberships',
    'directory.membership_history',
    'directory.snapshots',
    'directory.snapshot_checks',
  ],
  '0002_mirror': [
    'mirror.installation',
    'mirror.pools',
    'mirror.attempts',
    'mirror.runs',
    'mirror.progress',
    'mirror.user_hashes',
    'mirror.user_writers',
    'mirror.history_floors',
    'mirror.schedules',
    'mirror.requests',
    'mirror.workers',
    'mirror.verifications',
  ],
  '0003_readers': ['directory.changes', 'directory.identities', 'directory.effective_roles'],
  '0004_analysts': [
    'directory.users_by_status',
    'directory.users_by_domain',
    'directory.users_by_provider',
    'directory.users_by_day',
    'directory.changes_by_day',
    'directory.group_sizes',
    'directory.users_in_no_group',
    'directory.users_in_several_groups',
    'directory.duplicate_emails',
    'directory.linked_profiles',
    'directory.unconfirmed_users',
    'directory.custom_attributes',
    'directory.replaced_users',
    'directory.users_by_mfa',
    'directory.users_without_mfa',
  ],
  '0005_pool_settings': ['directory.pool_settings', 'directory.pool_setting_history'],
  '0007_erasures': ['mirror.erasures', 'mirror.suppressed'],
};

/** The first migration of every mirror. */
const FIRST = '0001_directory';

/** The form of this program's migration names, in later versions too. */
const OUR_NAME = /^\d{4}_[a-z]/;

/** The content of schemas `directory` and `mirror`. */
interface OwnSchemas {
  /** The names of the migrations in `mirror.migrations`; null if there is no such table. */
  readonly applied: readonly string[] | null;
  /** Why this program cannot use or fill the schemas; null if it can. */
  readonly refusal: { readonly problem: string; readonly remedy: string } | null;
}

interface Found {
  readonly schema: 'directory' | 'mirror';
  /** Every relation except `mirror.migrations`, as `schema.name`. */
  readonly relations: string[];
  /** True if a table has a column `pool_id`. */
  readonly isMirror: boolean;
  /** The columns of `mirror.migrations`, if there is such a table. */
  readonly record: string[] | null;
}

const INSPECT = `
  SELECT n.nspname AS schema,
    coalesce(array_agg(n.nspname || '.' || c.relname ORDER BY c.relname)
      FILTER (WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname <> 'migrations'), '{}')::text[]
      AS relations,
    coalesce(bool_or(EXISTS (
      SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'pool_id'
    )), false) AS "isMirror",
    (array_agg((
      SELECT json_agg(a.attname) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0
    )) FILTER (WHERE c.relkind = 'r' AND c.relname = 'migrations' AND n.nspname = 'mirror'))[1]
      AS record
  FROM pg_namespace AS n LEFT JOIN pg_class AS c ON c.relnamespace = n.oid
  WHERE n.nspname IN ('directory', 'mirror')
  GROUP BY n.nspname`;

/**
 * Inspects the two schemas before anything is created in them. Another program may have schemas with these
 * names, and a restore may have brought back only one of them, or some of their tables.
 */
export async function inspectSchemas(db: Queryable): Promise<OwnSchemas> {
  const { rows } = await db.query<Found>(INSPECT);
  const of = (schema: Found['schema']) => rows.find((found) => found.schema === schema) ?? null;
  const [directory, mirror] = [of('directory'), of('mirror')];
  const record = mirror?.record ?? null;
  if (record !== null && !['id', 'name', 'run_on'].every((column) => record.includes(column))) {
    return { applied: null, refusal: foreign('mirror') };
  }
  const applied = record === null ? null : await appliedMigrations(db);
  if (applied === null || applied.length === 0) {
    return {
      applied,
      refusal: (directory && unrecorded(directory)) ?? (mirror && unrecorded(mirror)),
    };
  }
  if (!applied.includes(FIRST) || !applied.every((name) => OUR_NAME.test(name))) {
    return { applied, refusal: foreign('mirror') };
  }
  const present = new Set(rows.flatMap(({ relations }) => relations));
  const missing = applied
    .flatMap((name) => CREATED_BY[name] ?? [])
    .filter((name) => !present.has(name));
  return { applied, refusal: missing.length === 0 ? null : incomplete(missing) };
}

/** @throws ActionRequiredError if this program cannot use the schemas. */
export function requireOwn({ refusal }: OwnSchemas): void {
  if (refusal !== null) throw new ActionRequiredError([{ subject: 'DATABASE_URL', ...refusal }]);
}

async function appliedMigrations(db: Queryable): Promise<string[]> {
  const applied = await db.query<{ name: string }>(
    'SELECT name FROM mirror.migrations ORDER BY name',
  );
  return applied.rows.map((row) => row.name);
}

type Refusal = NonNullable<OwnSchemas['refusal']>;

/** Why a schema without a record of migrations cannot be filled. An empty schema `mirror` can. */
function unrecorded({ schema, relations, isMirror }: Found): Refusal | null {
  if (isMirror) return incomplete(['the rows of mirror.migrations']);
  if (relations.length > 0) return foreign(schema);
  if (schema === 'mirror') return null;
  return {
    problem: 'schema `directory` exists but has no tables. The mirror must create it itself.',
    remedy: 'Run `DROP SCHEMA directory`, then try again; or use another database.',
  };
}

function foreign(schema: string): Refusal {
  return {
    problem: `schema \`${schema}\` of the database belongs to something else.`,
    remedy: 'Use another database: the mirror needs schemas `directory` and `mirror` for itself.',
  };
}

function incomplete(missing: readonly string[]): Refusal {
  return {
    problem: `the mirror in the database is not complete: ${missing.join(', ')} missing, as after a partial restore.`,
    remedy:
      'Restore schemas `directory` and `mirror` together from one backup, or use an empty database.',
  };
}
