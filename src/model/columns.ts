import type { ArchivedDataset, Dataset } from './snapshot.ts';

/**
 * What a column holds: its type in Postgres, the form of its value in a line of JSON, and its type in
 * Parquet. Text of type `id` is compared by code point.
 * DuckDB writes TIMESTAMPTZ to Parquet as microseconds marked as UTC.
 */
export const COLUMN_TYPES = {
  id: { postgres: 'text COLLATE "C"', json: 'string', parquet: 'VARCHAR' },
  text: { postgres: 'text', json: 'string', parquet: 'VARCHAR' },
  boolean: { postgres: 'boolean', json: 'boolean', parquet: 'BOOLEAN' },
  integer: { postgres: 'integer', json: 'number', parquet: 'INTEGER' },
  time: { postgres: 'timestamptz', json: 'string', parquet: 'TIMESTAMPTZ' },
  'text map': { postgres: 'jsonb', json: 'object', parquet: 'MAP(VARCHAR, VARCHAR)' },
  'text list': { postgres: 'text[]', json: 'array', parquet: 'VARCHAR[]' },
  json: { postgres: 'jsonb', json: 'array', parquet: 'VARCHAR' },
  object: { postgres: 'jsonb', json: 'object', parquet: 'VARCHAR' },
} as const;

type ColumnType = keyof typeof COLUMN_TYPES;

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /**
   * - `key`: identifies a row within its pool, written by the mirror.
   * - `written`: written by the mirror, from a listing or from the calls for settings.
   * - `fetched`: written by the mirror, from AdminGetUser; no listing has it. Null: unknown.
   * - `generated`: computed by Postgres from `attributes`.
   * - `joined`: in the archive only, from the memberships.
   * - `compared`: in the archive only, from two states.
   */
  readonly origin: 'key' | 'written' | 'fetched' | 'generated' | 'joined' | 'compared';
  /** Never null in a complete row. Key columns are required too. */
  readonly required?: true;
  /** The first version of the manifest whose parts have the column. Default: 1. */
  readonly since?: number;
}

/**
 * The columns of each dataset, in the order that the archive promises. `directory` has those of the
 * state, except joined ones, with `pool_id` and `valid_from`.
 *
 * `settings` has one row for each part of the pool's settings, and for each part or kind of parts
 * (`client/`) that was never read. `unread` says why a part could not be read: then `settings` is an older
 * version of it, or null.
 *
 * `changes` has one row for each user, group or membership that was added, modified or removed since the
 * snapshot `since`. `before` and `after` are rows of its dataset without joined columns. A name that
 * came back with another `sub` is removed and added, and both rows are `replaced`.
 */
export const COLUMNS = {
  users: [
    { name: 'username', type: 'id', origin: 'key' },
    { name: 'sub', type: 'id', origin: 'written' },
    { name: 'status', type: 'text', origin: 'written' },
    { name: 'enabled', type: 'boolean', origin: 'written' },
    { name: 'email', type: 'text', origin: 'generated' },
    { name: 'email_verified', type: 'boolean', origin: 'generated' },
    { name: 'phone_number', type: 'text', origin: 'generated' },
    { name: 'phone_number_verified', type: 'boolean', origin: 'generated' },
    { name: 'name', type: 'text', origin: 'generated' },
    { name: 'given_name', type: 'text', origin: 'generated' },
    { name: 'family_name', type: 'text', origin: 'generated' },
    { name: 'preferred_username', type: 'text', origin: 'generated' },
    { name: 'created_at', type: 'time', origin: 'written' },
    { name: 'modified_at', type: 'time', origin: 'written' },
    { name: 'attributes', type: 'text map', origin: 'written', required: true },
    { name: 'mfa_options', type: 'json', origin: 'written' },
    { name: 'escaped', type: 'text list', origin: 'written', required: true },
    { name: 'groups', type: 'text list', origin: 'joined', required: true },
    { name: 'mfa_settings', type: 'text list', origin: 'fetched', since: 2 },
    { name: 'preferred_mfa', type: 'text', origin: 'fetched', since: 2 },
    { name: 'mfa_read_at', type: 'time', origin: 'fetched', since: 2 },
  ],
  groups: [
    { name: 'group_name', type: 'id', origin: 'key' },
    { name: 'description', type: 'text', origin: 'written' },
    { name: 'role_arn', type: 'text', origin: 'written' },
    { name: 'precedence', type: 'integer', origin: 'written' },
    { name: 'created_at', type: 'time', origin: 'written' },
    { name: 'modified_at', type: 'time', origin: 'written' },
    { name: 'escaped', type: 'text list', origin: 'written', required: true },
  ],
  memberships: [
    { name: 'group_name', type: 'id', origin: 'key' },
    { name: 'username', type: 'id', origin: 'key' },
    { name: 'sub', type: 'id', origin: 'written' },
  ],
  settings: [
    { name: 'part', type: 'id', origin: 'key' },
    { name: 'settings', type: 'object', origin: 'written' },
    { name: 'unread', type: 'text', origin: 'written' },
  ],
  changes: [
    { name: 'entity', type: 'text', origin: 'compared', required: true },
    { name: 'kind', type: 'text', origin: 'compared', required: true },
    { name: 'username', type: 'id', origin: 'compared' },
    { name: 'sub', type: 'id', origin: 'compared' },
    { name: 'group_name', type: 'id', origin: 'compared' },
    { name: 'replaced', type: 'boolean', origin: 'compared', required: true },
    { name: 'since', type: 'id', origin: 'compared', required: true },
    { name: 'changed', type: 'text list', origin: 'compared', required: true },
    { name: 'before', type: 'object', origin: 'compared' },
    { name: 'after', type: 'object', origin: 'compared' },
  ],
} as const satisfies Readonly<Record<ArchivedDataset, readonly Column[]>>;

/** The columns of a dataset in the parts of an archive whose manifest has this version. */
export function columnsOf(dataset: ArchivedDataset, version: number): Column[] {
  return COLUMNS[dataset].filter(({ since = 1 }: Column) => since <= version);
}

/** True for a column of the content of a row, which a version of the row keeps. */
export function isContent({ origin }: Column): boolean {
  return origin === 'written' || origin === 'fetched';
}

/** The names of a dataset's columns that the mirror writes from a listing, without the key. */
export type WrittenName<D extends Dataset> = Extract<
  (typeof COLUMNS)[D][number],
  { origin: 'written' }
>['name'];
