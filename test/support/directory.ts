import type pg from 'pg';
import { expect } from 'vitest';
import type { SimulatedPool } from '../../src/simulator/pool.ts';
import type { GroupRecord, UserRecord } from '../../src/simulator/records.ts';

/** A user as `directory.users` should have it, with odd text in its own form. */
export function expectedUser(poolId: string, user: UserRecord): Record<string, unknown> {
  return {
    pool_id: poolId,
    username: user.username,
    status: user.status,
    enabled: user.enabled,
    ...columnsOf(user.attributes),
    created_at: new Date(user.createdAt),
    modified_at: new Date(user.modifiedAt),
    attributes: Object.fromEntries(user.attributes),
    mfa_options: user.mfaOptions.length > 0 ? user.mfaOptions : null,
    mfa_settings: null,
    preferred_mfa: null,
    mfa_read_at: null,
  };
}

/** A group as `directory.groups` should have it, with odd text in its own form. */
export function expectedGroup(poolId: string, group: GroupRecord): Record<string, unknown> {
  return {
    pool_id: poolId,
    group_name: group.groupName,
    description: group.description,
    role_arn: group.roleArn,
    precedence: group.precedence,
    created_at: new Date(group.createdAt),
    modified_at: new Date(group.modifiedAt),
  };
}

/** The columns that are made of attributes. */
export function columnsOf(attributes: ReadonlyMap<string, string>): Record<string, unknown> {
  const text = (name: string) => attributes.get(name) ?? null;
  const flag = (name: string) => {
    const value = text(name)?.toLowerCase();
    return value === 'true' || value === 'false' ? value === 'true' : null;
  };
  return {
    sub: text('sub'),
    email: text('email'),
    email_verified: flag('email_verified'),
    phone_number: text('phone_number'),
    phone_number_verified: flag('phone_number_verified'),
    name: text('name'),
    given_name: text('given_name'),
    family_name: text('family_name'),
    preferred_username: text('preferred_username'),
  };
}

/** Reads the escaped form back, by its rule: `\\` is a backslash, `\uXXXX` that unit. */
export function decodeEscaped(text: string): string {
  let decoded = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '\\') decoded += text[i];
    else if (text[i + 1] === '\\') decoded += text[++i];
    else {
      decoded += String.fromCharCode(Number.parseInt(text.slice(i + 2, i + 6), 16));
      i += 5;
    }
  }
  return decoded;
}

export type UserRow = Record<string, unknown> & {
  attributes: Record<string, string>;
  escaped: string[];
};

/** A row of `directory.users` with what is escaped in it read back. */
export function decodeUser({ valid_from: _, escaped, ...row }: UserRow) {
  const decoded: Record<string, unknown> = { ...row, attributes: { ...row.attributes } };
  for (const name of escaped) {
    const text = row.attributes[name] as string;
    const original = decodeEscaped(text);
    expect(original, `${name} is escaped for a reason`).toMatch(/\0|\p{Surrogate}/u);
    (decoded['attributes'] as Record<string, string>)[name] = original;
    if (typeof row[name] === 'string') decoded[name] = original;
  }
  return decoded;
}

/** A row of `directory.groups` with what is escaped in it read back. */
export function decodeGroup({ valid_from: _, escaped, ...row }: Record<string, unknown>) {
  const fields = (escaped as string[]).map((field) => [field, decodeEscaped(row[field] as string)]);
  return { ...row, ...Object.fromEntries(fields) };
}

const byKey = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

/** Expects the current state in Postgres to be what the pool holds, field by field. */
export async function expectMirrored(db: pg.Pool, pool: SimulatedPool): Promise<void> {
  const { id } = pool.settings;
  const rows = async (sql: string) => (await db.query(sql, [id])).rows;

  const users = await rows('SELECT * FROM directory.users WHERE pool_id = $1 ORDER BY username');
  const expected = [...pool.users()].map((user) => expectedUser(id, user));
  const name = (row: Record<string, unknown>) => row['username'] as string;
  expected.sort((a, b) => Buffer.compare(Buffer.from(name(a)), Buffer.from(name(b))));
  expect(users.map(decodeUser)).toEqual(expected);

  const groups = await rows('SELECT * FROM directory.groups WHERE pool_id = $1');
  expect(groups.map(decodeGroup).sort(byKey)).toEqual(
    [...pool.groups()].map((group) => expectedGroup(id, group)).sort(byKey),
  );

  const memberships = await rows(
    'SELECT group_name, username, sub FROM directory.memberships WHERE pool_id = $1',
  );
  expect(memberships.sort(byKey)).toEqual(
    [...pool.memberships()]
      .map(({ groupName, username, sub }) => ({ group_name: groupName, username, sub }))
      .sort(byKey),
  );
}
