import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBMapValue } from '@duckdb/node-api';
import type { Dataset } from '../../src/model/snapshot.ts';
import { OFFLINE, readJsonLines, readParquet } from '../archive/support.ts';
import { columnsOf, decodeEscaped } from '../support/directory.ts';
import type { TestMirror } from '../support/mirror.ts';
import type { RawGroup, RawPool, RawUser } from './odd-pool.ts';

type Row = Record<string, unknown>;

/** What the rows of a dataset say of the pool, in the service's own words. */
export type Content = Readonly<Record<Dataset, readonly Row[]>>;

/** A mirror of one pool, in this process or by commands. */
type Mirror = Pick<TestMirror, 'rows' | 'pool' | 'archive'>;

/** What the rows should say of a pool. */
export function expectedOf(pool: RawPool): Content {
  const memberships = pool.groups.flatMap(({ GroupName }, index) =>
    (pool.members[index] ?? []).map((username) => ({ group_name: GroupName, username })),
  );
  const groupsOf = (name: string) =>
    memberships.filter(({ username }) => username === name).map(({ group_name }) => group_name);
  const subs = new Map(pool.users.map((user) => [user.Username, subOf(user)]));
  return sorted({
    users: pool.users.map((user) => expectedUser(user, groupsOf(user.Username))),
    groups: pool.groups.map(expectedGroup),
    memberships: memberships.map((row) => ({ ...row, sub: subs.get(row.username) })),
  });
}

function expectedUser(user: RawUser, groups: readonly string[]): Row {
  const attributes = attributesOf(user);
  const options = (user.MFAOptions ?? []).map(({ DeliveryMedium, AttributeName }) => ({
    DeliveryMedium: DeliveryMedium ?? null,
    AttributeName: AttributeName ?? null,
  }));
  return {
    username: user.Username,
    status: user.UserStatus ?? null,
    enabled: user.Enabled ?? null,
    ...columnsOf(attributes),
    created_at: isoOf(user.UserCreateDate),
    modified_at: isoOf(user.UserLastModifiedDate),
    attributes: [...attributes].sort(byKey),
    mfa_options: options.length > 0 ? options : null,
    groups: [...groups].sort(),
  };
}

function expectedGroup(group: RawGroup): Row {
  return {
    group_name: group.GroupName,
    description: group.Description ?? null,
    role_arn: group.RoleArn ?? null,
    precedence: group.Precedence ?? null,
    created_at: isoOf(group.CreationDate),
    modified_at: isoOf(group.LastModifiedDate),
  };
}

/** Of a name that is there twice, the last value. */
const attributesOf = ({ Attributes }: RawUser) =>
  new Map((Attributes ?? []).map(({ Name, Value }) => [Name, Value ?? '']));
const subOf = (user: RawUser) => attributesOf(user).get('sub') ?? null;
const isoOf = (seconds: number | null | undefined) =>
  seconds === null || seconds === undefined
    ? null
    : new Date(Math.round(seconds * 1_000)).toISOString();

/** What the current state in Postgres says. */
export async function readTables(mirror: Mirror): Promise<Content> {
  const { id } = mirror.pool.settings;
  const users = await mirror.rows(
    `SELECT u.*, ARRAY(SELECT group_name FROM directory.memberships AS m
       WHERE m.pool_id = u.pool_id AND m.username = u.username) AS groups
     FROM directory.users AS u WHERE pool_id = $1`,
    [id],
  );
  const rows = (table: string) =>
    mirror.rows(`SELECT * FROM directory.${table} WHERE pool_id = $1`, [id]);
  return sortContent({
    users,
    groups: await rows('groups'),
    memberships: await rows('memberships'),
  });
}

/** What the newest archive says, in one of its formats. */
export async function readArchive(mirror: Mirror, format: 'parquet' | 'jsonl'): Promise<Content> {
  const rows = async (dataset: Dataset) => {
    const pool = join(mirror.archive, format, dataset, `pool_id=${mirror.pool.settings.id}`);
    const newest = readdirSync(pool).sort().at(-1) ?? '';
    const part = join(pool, newest, `part-00000.${format === 'jsonl' ? 'jsonl.gz' : 'parquet'}`);
    if (format === 'jsonl') return readJsonLines(part) as Row[];
    const read = await readParquet(part);
    if (dataset !== 'users') return read;
    const entries = await readAttributes(part);
    return read.map(({ mfa_options, ...row }, index) => ({
      ...row,
      attributes: Object.fromEntries(entries[index] ?? []),
      mfa_options: typeof mfa_options === 'string' ? JSON.parse(mfa_options) : mfa_options,
    }));
  };
  return sortContent({
    users: await rows('users'),
    groups: await rows('groups'),
    memberships: await rows('memberships'),
  });
}

/** The attributes of each row of Parquet: the other reader makes objects of them, without `__proto__`. */
async function readAttributes(path: string): Promise<(readonly [string, string])[][]> {
  const instance = await DuckDBInstance.create(':memory:', OFFLINE);
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(`SELECT attributes FROM '${path}'`);
    return (
      reader
        .getColumns()[0]
        ?.map((map) =>
          (map as DuckDBMapValue).entries.map(
            ({ key, value }) => [String(key), String(value)] as const,
          ),
        ) ?? []
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** The rows in the service's own words: by the contract's rule for what is escaped, and by it alone. */
function sortContent({ users, groups, memberships }: Record<Dataset, Row[]>): Content {
  return sorted({
    users: users.map(decodeUser),
    groups: groups.map((row) => {
      const text = decode(row);
      return {
        group_name: decodeName(row['group_name']),
        description: text('description'),
        role_arn: text('role_arn'),
        precedence: row['precedence'],
        created_at: timeOf(row['created_at']),
        modified_at: timeOf(row['modified_at']),
      };
    }),
    memberships: memberships.map(({ group_name, username, sub }) => ({
      group_name: decodeName(group_name),
      username: decodeName(username),
      sub,
    })),
  });
}

function decodeUser(row: Row): Row {
  const text = decode(row);
  const escaped = row['escaped'] as string[];
  const attributes = Object.entries(row['attributes'] as Record<string, string>);
  const texts = ['email', 'phone_number', 'name', 'given_name', 'family_name'];
  return {
    username: decodeName(row['username']),
    enabled: row['enabled'],
    email_verified: row['email_verified'],
    phone_number_verified: row['phone_number_verified'],
    ...Object.fromEntries(
      [...texts, 'sub', 'status', 'preferred_username'].map((name) => [name, text(name)]),
    ),
    created_at: timeOf(row['created_at']),
    modified_at: timeOf(row['modified_at']),
    attributes: attributes
      .map(([name, value]): [string, string] => [
        decodeName(name),
        escaped.includes(name) ? decodeEscaped(value) : value,
      ])
      .sort(byKey),
    mfa_options: escaped.includes('mfa_options')
      ? decodeDeep(row['mfa_options'])
      : row['mfa_options'],
    groups: (row['groups'] as string[]).map(decodeName).sort(),
  };
}

/** The text of a column of the row, as the row's `escaped` has it. */
const decode = (row: Row) => (column: string) => {
  const text = row[column];
  const isEscaped = (row['escaped'] as string[]).includes(column);
  return typeof text === 'string' && isEscaped ? decodeEscaped(text) : text;
};

/** A name shows that it is escaped: it holds the escape of a unit that Postgres cannot hold. */
const decodeName = (stored: unknown): string => {
  const name = stored as string;
  return /\\u(0000|d[89a-f][0-9a-f]{2})/.test(name) ? decodeEscaped(name) : name;
};

const decodeDeep = (options: unknown) =>
  (options as Row[]).map((option) =>
    Object.fromEntries(
      Object.entries(option).map(([name, value]) => [
        name,
        typeof value === 'string' ? decodeEscaped(value) : value,
      ]),
    ),
  );

/** SQL and Parquet give dates, JSON Lines text. */
const timeOf = (time: unknown) => (time instanceof Date ? time.toISOString() : time);

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) =>
  a < b ? -1 : 1;

/** In one order, so that two can be compared. */
function sorted(of: Content): Content {
  const key = ({ group_name, username }: Row) => JSON.stringify([group_name, username]);
  const inOrder = (rows: readonly Row[]) => rows.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  return {
    users: inOrder(of.users),
    groups: inOrder(of.groups),
    memberships: inOrder(of.memberships),
  };
}
