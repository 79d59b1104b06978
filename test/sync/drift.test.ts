import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { ResumableError, SnapshotFailedError } from '../../src/model/errors.ts';
import { wrap } from '../archive/destinations.ts';
import { expectMirrored } from '../support/directory.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
afterEach(() => mirror.close());

/** Runs `sql` during the next sync, once all users are staged and before the last group is read. */
function onceUsersAreStaged(sql: string): void {
  let done: Promise<void> | undefined;
  const edit = async () => {
    const [run] = await mirror.rows<{ stage: number }>(
      'SELECT max(stage) AS stage FROM mirror.runs',
    );
    const open = `SELECT count(*)::integer AS n FROM mirror.stage_${run?.stage}_walks
      WHERE kind = 'users' AND state = 'open'`;
    await expect.poll(async () => (await mirror.rows<{ n: number }>(open))[0]?.n).toBe(0);
    await mirror.rows(sql);
  };
  mirror.proxy.before = async ({ operation }) => {
    if (operation !== 'ListUsersInGroup') return;
    done ??= edit();
    await done;
  };
}

const STALE = 'SELECT count(*)::integer AS n FROM mirror.user_hashes WHERE stale';

describe('rows that are changed while a snapshot is read', () => {
  it('are fetched again and equal the pool', async () => {
    mirror = await openTestMirror({ users: 300, groups: 4, seed: 7 });
    await mirror.sync();
    onceUsersAreStaged(`WITH few AS (SELECT username FROM directory.users ORDER BY 1 LIMIT 3)
      UPDATE directory.users SET enabled = NOT enabled WHERE username IN (TABLE few)`);
    const { report, error } = await mirror.sync();
    expect(error).toBeNull();
    expect(report).toMatchObject({
      state: 'archived',
      added: 0,
      modified: 0,
      removed: 0,
      repaired: 3,
    });
    await expectMirrored(mirror.db, mirror.pool);
    expect(await mirror.rows(STALE)).toEqual([{ n: 0 }]);
  });

  it('are read again by walks if they are many', async () => {
    mirror = await openTestMirror({ users: 1_300, groups: 2, seed: 8 });
    await mirror.sync();
    onceUsersAreStaged('TRUNCATE directory.users');
    const { report, error } = await mirror.sync();
    expect(error).toBeNull();
    expect(report).toMatchObject({
      state: 'archived',
      added: 0,
      modified: 0,
      removed: 0,
      repaired: 1_300,
    });
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('after the check prevent its publication, and the next run repairs them', async () => {
    mirror = await openTestMirror({ users: 300, groups: 4, seed: 9 });
    await mirror.sync();
    const [gone] = mirror.pool.users();
    mirror.pool.deleteUser(gone?.username ?? '');
    let edited: Promise<unknown> | undefined;
    // Removals are confirmed after the stage was checked for drift.
    mirror.proxy.before = async ({ operation }) => {
      if (operation !== 'AdminGetUser') return;
      edited ??= mirror.rows('DELETE FROM directory.users WHERE enabled');
      await edited;
    };
    const first = await mirror.sync();
    expect(first.error).toBeInstanceOf(ResumableError);
    expect(first.error?.message).toMatch(
      /changed rows of directory\.users .* Run it again: it repairs the rows/,
    );
    const { report, resumed } = await mirror.sync();
    expect(resumed).toBe(true);
    expect(report).toMatchObject({ state: 'archived', added: 0, modified: 0 });
    expect(report.repaired).toBeGreaterThan(100);
    await expectMirrored(mirror.db, mirror.pool);
  });
});

it('an archive holds the pool, not manual changes of the table', async () => {
  mirror = await openTestMirror({ users: 200, groups: 4, seed: 10 });
  await mirror.sync();
  await mirror.rows(
    `UPDATE directory.users SET attributes = attributes || '{"email":"wrong@person.example"}'`,
  );
  expect((await mirror.sync()).report).toMatchObject({ modified: 0, repaired: 200 });
  await expectMirrored(mirror.db, mirror.pool);
  expect(await mirror.rows('SELECT * FROM directory.user_history')).toEqual([]);
});

it('a row that is changed before its snapshot is archived is repaired first', async () => {
  mirror = await openTestMirror({ users: 200, groups: 4, seed: 11 });
  const folder = await openDestination(pathToFileURL(mirror.archive).href);
  let edited: Promise<unknown> | undefined;
  const destination = wrap(folder, {
    async put(key, file, signal) {
      edited ??= mirror.rows('UPDATE directory.users SET enabled = NOT enabled');
      await edited;
      return folder.put(key, file, signal);
    },
  });
  const first = await mirror.sync({ destination });
  expect(first.error?.message).toMatch(/was not archived. Run it again: the next snapshot repairs/);
  expect(first.report.state).toBe('published');
  expect((await mirror.sync()).report).toMatchObject({ state: 'archived', repaired: 200 });
  expect(await mirror.rows('SELECT state FROM directory.snapshots')).toEqual([
    { state: 'archived' },
    { state: 'archived' },
  ]);
  await expectMirrored(mirror.db, mirror.pool);
});

describe('an unarchived snapshot whose rows are lost', () => {
  /** Published, and not archived: the destination takes nothing. */
  async function unarchived(): Promise<void> {
    mirror = await openTestMirror({ users: 200, groups: 4, seed: 12 });
    const full = await openDestination('file:///proc/none');
    expect((await mirror.sync({ destination: full })).report.state).toBe('published');
  }
  const states = () =>
    mirror.rows('SELECT state, reason FROM directory.snapshots ORDER BY snapshot_at');

  it('is skipped, and later ones are archived', async () => {
    await unarchived();
    await mirror.rows('DELETE FROM directory.memberships');
    const next = await mirror.sync();
    expect(next.error).toBeInstanceOf(SnapshotFailedError);
    expect(next.error?.message).toMatch(/can never be archived.* Take a new snapshot/s);
    expect((await mirror.sync()).report.state).toBe('archived');
    expect(await states()).toEqual([
      { state: 'published', reason: expect.stringMatching(/^It can never be archived/) },
      { state: 'archived', reason: null },
    ]);
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('is not sealed with the manual change of a user who changed in the pool too', async () => {
    await unarchived();
    const [changed] = mirror.pool.users();
    await mirror.rows('UPDATE directory.users SET status = $1 WHERE username = $2', [
      'WRONG',
      changed?.username,
    ]);
    mirror.pool.updateAttributes(changed?.username ?? '', { name: 'Changed' });
    expect((await mirror.sync()).report).toMatchObject({ state: 'archived', modified: 1 });
    expect(await states()).toEqual([
      { state: 'published', reason: expect.stringMatching(/^It can never be archived/) },
      { state: 'archived', reason: null },
    ]);
  });
});
