import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { expect } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { manifestKey } from '../../src/archive/layout.ts';
import { readWhole } from '../../src/archive/read-object.ts';
import type { ArchiveOptions, ArchiveRequest } from '../../src/archive/write-archive.ts';
import type { SnapshotRows } from '../../src/archive/write-parts.ts';
import { COLUMN_TYPES, COLUMNS, type Column } from '../../src/model/columns.ts';
import { ActionRequiredError } from '../../src/model/errors.ts';
import {
  type ArchivedDataset,
  DATASETS,
  type Dataset,
  snapshotId,
} from '../../src/model/snapshot.ts';

export const POOL = 'us-east-1_Ab12Cd34';
/** The location of the parts and the manifest of the snapshot in `requestFor`. */
export const PARTITION = `pool_id=${POOL}/snapshot=20261120T020000Z`;
export const MANIFEST = `manifests/pool_id=${POOL}/20261120T020000Z.json`;
export const NEVER = new AbortController().signal;

export interface UserRow {
  readonly username: string;
  readonly sub: string | null;
  readonly status: string | null;
  readonly enabled: boolean | null;
  readonly email: string | null;
  readonly email_verified: boolean | null;
  readonly phone_number: string | null;
  readonly phone_number_verified: boolean | null;
  readonly name: string | null;
  readonly given_name: string | null;
  readonly family_name: string | null;
  readonly preferred_username: string | null;
  readonly created_at: string | null;
  readonly modified_at: string | null;
  readonly attributes: Readonly<Record<string, string>>;
  readonly mfa_options: readonly object[] | null;
  readonly escaped: readonly string[];
  readonly groups: readonly string[];
  readonly mfa_settings: readonly string[] | null;
  readonly preferred_mfa: string | null;
  readonly mfa_read_at: string | null;
}

export function user(index: number, more: Partial<UserRow> = {}): UserRow {
  const number = String(index).padStart(6, '0');
  const sub = `0000aaaa-bbbb-cccc-dddd-eeeeff${number}`;
  return {
    username: `user-${number}`,
    sub,
    status: 'CONFIRMED',
    enabled: true,
    email: `user-${number}@example.com`,
    email_verified: true,
    phone_number: null,
    phone_number_verified: null,
    name: null,
    given_name: null,
    family_name: null,
    preferred_username: null,
    created_at: '2026-01-02T03:04:05.678Z',
    modified_at: '2026-11-20T02:00:00.000Z',
    attributes: { sub, email: `user-${number}@example.com` },
    mfa_options: null,
    escaped: [],
    groups: ['admins'],
    mfa_settings: ['SMS_MFA', 'SOFTWARE_TOKEN_MFA'],
    preferred_mfa: 'SMS_MFA',
    mfa_read_at: '2026-11-20T02:10:00.123Z',
    ...more,
  };
}

export function group(name: string, precedence: number | null = null) {
  return {
    group_name: name,
    description: null,
    role_arn: 'arn:aws:iam::123456789012:role/admin',
    precedence,
    created_at: '2026-01-02T03:04:05.678Z',
    modified_at: '2026-01-02T03:04:05.678Z',
    escaped: [],
  };
}

/** The rows of a snapshot. Without `settings`, it keeps none. */
export type Datasets = Readonly<Record<Dataset, readonly object[]>> & {
  readonly settings?: readonly object[];
};

/** A row of `settings`. */
export function setting(part: string, settings: object | null, unread: string | null = null) {
  return { part, settings, unread };
}

/** Users, one group that contains them all, and its memberships. */
export function pool(users: number): Datasets {
  const rows = Array.from({ length: users }, (_, index) => user(index));
  return {
    users: rows,
    groups: [group('admins', 0)],
    memberships: rows.map(({ username, sub }) => ({ group_name: 'admins', username, sub })),
  };
}

export const EMPTY: Datasets = { users: [], groups: [], memberships: [] };

/**
 * Rows as JSON Lines, in chunks that ignore the ends of lines.
 *
 * @param before the rows of the snapshot before; null if they are unknown, so that there are no changes.
 */
export function rowsOf(
  datasets: Datasets,
  chunkBytes = 1_000,
  before: Datasets | null = null,
): SnapshotRows {
  const open = (rows: readonly object[]) =>
    Readable.from(chunks(rows, chunkBytes), { objectMode: false });
  return {
    open: async (dataset) => open(datasets[dataset] ?? []),
    openChanges: async ({ snapshot }) =>
      before && {
        rows: open(changesBetween(before, datasets, snapshot)),
        before: countsOf(before),
      },
  };
}

type Row = Readonly<Record<string, unknown>>;

/** Rows of `changes`, by a plain comparison. No name has another `sub`. */
export function changesBetween(before: Datasets, after: Datasets, since: string): object[] {
  return DATASETS.flatMap((dataset) => {
    const byKey = (rows: readonly object[]) =>
      new Map((rows as Row[]).map((row) => [String([row['group_name'], row['username']]), row]));
    const [old, now] = [byKey(before[dataset]), byKey(after[dataset])];
    return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((key) => {
      const [was, is] = [old.get(key) ?? null, now.get(key) ?? null];
      if (JSON.stringify(was) === JSON.stringify(is)) return [];
      const { username = null, sub = null, group_name = null } = (is ?? was) as Row;
      return {
        entity: dataset.slice(0, -1),
        kind: was === null ? 'added' : is === null ? 'removed' : 'modified',
        username,
        sub,
        group_name,
        replaced: false,
        since,
        changed: [],
        before: was,
        after: is,
      };
    });
  });
}

function* chunks(rows: readonly object[], chunkBytes: number): Generator<Buffer> {
  const bytes = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    yield bytes.subarray(start, start + chunkBytes);
  }
}

const countsOf = ({ users, groups, memberships, settings }: Datasets) => ({
  users: users.length,
  groups: groups.length,
  memberships: memberships.length,
  settings: settings?.length,
});

export function requestFor(datasets: Datasets, more: Partial<ArchiveRequest> = {}): ArchiveRequest {
  return {
    poolId: POOL,
    snapshotAt: new Date('2026-11-20T02:00:00.000Z'),
    walkedAt: new Date('2026-11-20T02:10:00.123Z'),
    publishedAt: new Date('2026-11-20T02:10:05.000Z'),
    counts: countsOf(datasets),
    previous: null,
    ...more,
  };
}

export function optionsWith(more: Partial<ArchiveOptions> = {}): ArchiveOptions {
  return {
    formats: ['parquet', 'jsonl'],
    lock: null,
    signer: null,
    program: 'cognito-mirror/0.0.0',
    owner: 'a-database',
    signal: NEVER,
    assertStillOwner: async () => {},
    workFolder: tmpdir(),
    ...more,
  };
}

/** Reads every object of a destination, by key. */
export async function contentOf(destination: Destination): Promise<Map<string, Buffer>> {
  const content = new Map<string, Buffer>();
  for (const prefix of ['parquet/', 'jsonl/', 'csv/', 'manifests/']) {
    for await (const { key } of destination.list(prefix, NEVER)) {
      const bytes = await readWhole(destination, key, NEVER);
      if (bytes) content.set(key, bytes);
    }
  }
  return new Map([...content].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export async function readManifest(
  destination: Destination,
  { poolId, snapshotAt }: ArchiveRequest,
) {
  const bytes = await readWhole(destination, manifestKey(poolId, snapshotId(snapshotAt)), NEVER);
  return bytes && JSON.parse(bytes.toString());
}

/** Reads a Parquet file's rows with another library than the one that wrote them. */
export async function readParquet(path: string): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({ file: await asyncBufferFromFile(path), compressors });
}

export function readJsonLines(path: string): unknown[] {
  const text = gunzipSync(readFileSync(path)).toString();
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** Reads the gzipped CSV of a dataset: each field as the JSON value that it stands for. */
export function readCsv(bytes: Buffer, dataset: ArchivedDataset): Record<string, unknown>[] {
  const columns: readonly Column[] = COLUMNS[dataset];
  const [names, ...records] = parse(gunzipSync(bytes), {
    record_delimiter: '\r\n',
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
  }) as (string | null)[][];
  expect(names).toEqual(columns.map(({ name }) => name));
  const read = (text: string | null, { type }: Column) =>
    text === null || COLUMN_TYPES[type].json === 'string' ? text : JSON.parse(text);
  return records.map((fields) =>
    Object.fromEntries(
      columns.map((column, index) => [column.name, read(fields[index] ?? null, column)]),
    ),
  );
}

/** Settings for a DuckDB that reads archives in tests and never uses the network. */
export const OFFLINE = {
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
};

/** Returns the error of a call, which must fail. */
export async function catchError(call: Promise<unknown>): Promise<Error> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('The call did not fail.', { cause: error });
  return error;
}

/** Returns the error of a call that a person must fix. */
export async function catchRefusal(call: Promise<unknown>): Promise<ActionRequiredError> {
  const error = await catchError(call);
  if (!(error instanceof ActionRequiredError)) throw error;
  return error;
}
