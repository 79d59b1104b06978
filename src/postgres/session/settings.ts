import pg from 'pg';

/** Settings of a session by name, as `SET` takes them. */
export type Settings = Readonly<Record<string, string>>;

/** How SQL and values are written, whatever the server, the role, the URL or a pooler sets. */
const FORMS: Settings = {
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  bytea_output: 'hex',
  extra_float_digits: '1',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
};

/** A step of a large pool takes long, so nothing is limited but an idle transaction of a frozen process. */
const LIMITS: Settings = {
  statement_timeout: '0',
  lock_timeout: '0',
  idle_session_timeout: '0',
  transaction_timeout: '0',
  idle_in_transaction_session_timeout: '60s',
  // It could block views, and schema `directory` has many.
  restrict_nonsystem_relation_kind: '',
};

/** For the program's own work. */
export const WORK: Settings = {
  ...FORMS,
  ...LIMITS,
  // All SQL names its schemas, and no other function may hide one of Postgres's own.
  search_path: 'pg_catalog, pg_temp',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  // A policy that hides rows raises an error: hidden users would count as removed.
  row_security: 'off',
  default_table_access_method: 'heap',
  plan_cache_mode: 'auto',
  client_min_messages: 'warning',
  jit: 'off',
  work_mem: '64MB',
  maintenance_work_mem: '128MB',
};

/** For a person's own statement: it keeps the role's search path, policies and memory. */
export const READ_ONLY: Settings = { ...FORMS, ...LIMITS, default_transaction_read_only: 'on' };

/**
 * The statements that set the settings of a session, in one message and so in one round trip. Settings
 * that the server's version lacks are left out. The second last result has rows of `AppliedSetting`.
 *
 * The statements do not depend on the settings: names are qualified, and the transaction is not
 * deferrable, because the role's defaults could make it wait.
 */
export function applySettings(settings: Settings): string {
  const values = Object.entries(settings)
    .map(([name, value]) => `(${pg.escapeLiteral(name)}, ${pg.escapeLiteral(value)})`)
    .join(', ');
  return `BEGIN ISOLATION LEVEL READ COMMITTED, NOT DEFERRABLE;
    SET statement_timeout = 0;
    SELECT pg_catalog.pg_backend_pid() AS backend, s.name,
      pg_catalog.set_config(s.name, s.value, false) AS value
    FROM (VALUES ${values}) AS s (name, value)
    WHERE pg_catalog.current_setting(s.name, true) IS NOT NULL;
    COMMIT`;
}

/** A setting of a session: its value in the server's form, and the id of the server process. */
export interface AppliedSetting {
  readonly backend: number;
  readonly name: string;
  readonly value: string;
}

/** Reads settings back. */
export function readSettings(names: readonly string[]): string {
  return `SELECT pg_catalog.pg_backend_pid() AS backend, s.name,
      pg_catalog.current_setting(s.name) AS value
    FROM (VALUES ${names.map((name) => `(${pg.escapeLiteral(name)})`).join(', ')}) AS s (name)`;
}
