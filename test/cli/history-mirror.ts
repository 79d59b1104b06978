import { afterAll, beforeAll, expect } from 'vitest';
import type { Diff } from '../../src/index.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';

export let mirror: CliMirror;
export let POOL: string;
/** The ids of the two published snapshots, and of the held one. */
export let first: string;
export let second: string;
export let held: string;
/** What `sync` printed of the held one. */
export let printed: string;

export const ADMIN = 'arn:aws:iam::123456789012:role/Admin';
export const READER = 'arn:aws:iam::123456789012:role/Reader';

/** Mirrors two snapshots of a small pool, and a third that is held, for the tests of a file. */
export function useHistory(): void {
  beforeAll(async () => {
    mirror = await openCliMirror({ users: 0, groups: 0 });
    POOL = mirror.poolId;
    const { pool } = mirror;
    const status = 'CONFIRMED';
    pool.createGroup('admins', { precedence: 1, roleArn: ADMIN });
    pool.createGroup('readers', { precedence: 1, roleArn: READER });
    pool.createGroup('staff', { precedence: 2, roleArn: READER });
    for (const username of ['ann', 'bob', 'carol', 'dave']) {
      pool.createUser({ username, status, attributes: { email: `${username}@example.com` } });
      pool.addToGroup(username, 'staff');
    }
    pool.addToGroup('ann', 'admins');
    pool.addToGroup('ann', 'readers');
    for (let n = 0; n < 60; n += 1) pool.createUser({ username: `user-${n}`, status });
    await mirror.sync();
    pool.createUser({
      username: 'eve',
      status,
      attributes: { email: '=1+1', name: 'Eve, "the" new' },
    });
    pool.addToGroup('eve', 'admins');
    pool.deleteUser('bob');
    pool.updateAttributes('carol', { email: 'carol@example.org', name: 'Carol' });
    pool.removeFromGroup('carol', 'staff');
    pool.deleteUser('dave');
    pool.createUser({ username: 'dave', status, attributes: { email: 'other@example.com' } });
    pool.updateGroup('staff', { description: 'Everybody' });
    await mirror.sync();
    for (let n = 0; n < 60; n += 1) pool.deleteUser(`user-${n}`);
    printed = (await mirror.run(['sync'])).stdout;
    const rows = await mirror.rows<{ snapshot: string }>(
      'SELECT snapshot FROM directory.snapshots ORDER BY snapshot_at',
    );
    [first = '', second = '', held = ''] = rows.map(({ snapshot }) => snapshot);
  });
  afterAll(() => mirror.close());
}

export async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await mirror.run(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

export async function diff(
  ...args: string[]
): Promise<Diff & { changes: Record<string, unknown>[] }> {
  return JSON.parse(await run('diff', POOL, ...args, '--json'));
}

export const namesOf = ({ changes }: { changes: Record<string, unknown>[] }) =>
  changes.map(({ username, groupName }) => username ?? groupName);
