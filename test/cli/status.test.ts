import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hint } from '../support/cli.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';

let mirror: CliMirror;

beforeEach(async () => {
  mirror = await openCliMirror({
    pools: ['us-east-1_Main', { id: 'us-east-1_Other', users: 10 }],
    users: 130,
    groups: 4,
  });
});
afterEach(() => mirror.close());

interface Walk {
  kind: string;
  items: number;
  expected: number | null;
}

async function statusDocument(...args: string[]) {
  const { code, stdout, stderr } = await mirror.run(['status', '--json', ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(stdout).snapshots;
}

describe('status', () => {
  it('suggests a command if nothing was mirrored yet', async () => {
    expect(await mirror.run(['status'])).toEqual({
      code: 0,
      stdout: `No snapshot was taken yet. To take one:\n  ${hint(['sync', 'POOL'], mirror.env)}\n`,
      stderr: '',
    });
    expect(await statusDocument()).toEqual([]);
  });

  it('sends no request to the service', async () => {
    await mirror.run(['status']);
    expect(mirror.simulator.attempts.total).toBe(0);
  });

  it('shows the progress of a snapshot, and then that it is archived', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let reading = false;
    mirror.proxy.before = async ({ operation }) => {
      if (operation !== 'ListUsersInGroup') return;
      reading = true;
      await held;
    };
    const running = await mirror.start(['sync']);
    await expect.poll(() => reading).toBe(true);

    // A page may still be on its way to the database.
    const walking = async () => (await statusDocument())[0];
    const usersRead = async () =>
      (await walking()).walking.walks.find((walk: Walk) => walk.kind === 'users')?.items;
    await expect.poll(usersRead).toBe(130);
    const snapshot = await walking();
    expect(snapshot).toMatchObject({ poolId: 'us-east-1_Main', state: 'walking', users: null });
    expect(snapshot.walking.walks).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'groups', items: 4, walks: 1, walksDone: 1 }),
        expect.objectContaining({ kind: 'members', items: 0, walks: 4, walksDone: 0 }),
      ]),
    );
    expect(snapshot).toMatchObject({ runner: 'inline', progress: { phase: 'walk' } });
    expect(snapshot.walking.rate).toBeGreaterThan(0);
    // No member was read yet, and nothing is known of them.
    expect(snapshot.walking).toMatchObject({ inProgress: [], estimatedEnd: null });
    const { stdout } = await mirror.run(['status']);
    expect(stdout).toMatch(/^us-east-1_Main\n/);
    expect(stdout).toMatch(/users: 130 of about 130 read, \d+ of \d+ walks done/);

    release();
    expect((await running.result).code).toBe(0);
    const [row] = await mirror.rows<Record<string, string>>('SELECT * FROM directory.snapshots');
    expect(await statusDocument()).toEqual([
      expect.objectContaining({
        snapshot: row?.snapshot,
        state: 'archived',
        users: 130,
        groups: 4,
        manifest: row?.manifest,
        walking: null,
      }),
    ]);
    const after = await mirror.run(['status']);
    expect(after.stdout).toMatch(new RegExp(`${row?.snapshot} .*archived .* 130 `));
  });

  it('shows a killed run as interrupted, without a rate', async () => {
    let reading = false;
    mirror.proxy.before = async ({ operation }) => {
      if (operation !== 'ListUsersInGroup') return;
      reading = true;
      await new Promise(() => {});
    };
    const running = await mirror.start(['sync']);
    await expect.poll(() => reading).toBe(true);
    running.child.kill('SIGKILL');
    await running.result;
    await expect
      .poll(async () => (await statusDocument())[0])
      .toMatchObject({
        state: 'walking',
        runner: null,
        progress: null,
        walking: { rate: null, estimatedEnd: null },
      });
    const { stdout } = await mirror.run(['status']);
    expect(stdout).toMatch(/^\d{8}T\d{6}Z \| interrupted \|/m);
    expect(stdout).toContain('interrupted: no process reads it.\n');
    expect(stdout).toContain(`To resume: ${hint(['sync', 'us-east-1_Main'], mirror.env)}\n`);
    expect(stdout).not.toMatch(/items\/s|end:/);
  });

  it('shows the progress while removals are confirmed', async () => {
    await mirror.sync();
    for (const { username } of [...mirror.pool.users()].slice(0, 12)) {
      mirror.pool.deleteUser(username);
    }
    let asked = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    mirror.proxy.before = async ({ operation }) => {
      if (operation === 'AdminGetUser' && ++asked > 5) await held;
    };
    const running = await mirror.start(['sync'], { MIRROR_MAX_REMOVED_RATIO: '1' });
    await expect
      .poll(async () => (await statusDocument())[0])
      .toMatchObject({
        runner: 'inline',
        progress: { phase: 'check', done: 5, total: 12 },
        walking: { rate: null, estimatedEnd: null },
      });
    const { stdout } = await mirror.run(['status']);
    expect(stdout).toContain('confirming users: 5 of 12\n');
    release();
    expect((await running.result).code).toBe(0);
  });

  it('shows the named pools, newest snapshot first, and why one was held', async () => {
    await mirror.sync();
    mirror.pool.createUser({ username: 'newcomer' });
    await mirror.sync();
    mirror.simulator.pool('us-east-1_Other').estimatedUsers = 5_000;
    await mirror.sync(['us-east-1_Other']);

    const all = await statusDocument();
    expect(all.map(({ poolId, state }: Record<string, string>) => [poolId, state])).toEqual([
      ['us-east-1_Main', 'archived'],
      ['us-east-1_Main', 'archived'],
      ['us-east-1_Other', 'held'],
    ]);
    expect(all[0].snapshot > all[1].snapshot).toBe(true);
    expect(all[0]).toMatchObject({ users: 131, added: 1 });
    expect(await statusDocument('us-east-1_Other')).toEqual([all[2]]);
    const { stdout } = await mirror.run(['status', 'us-east-1_Other']);
    expect(stdout).not.toContain('us-east-1_Main');
    expect(stdout).toContain('10 users were read, but the service estimates 5,000.');
  });

  it('updates with --watch until it is interrupted', async () => {
    const { child, output, result } = await mirror.start(['status', '--watch', '--json']);
    const documents = () =>
      output.stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).snapshots.length);
    await expect.poll(documents).toEqual(expect.arrayContaining([0]));
    await mirror.sync(['us-east-1_Other']);
    await expect.poll(documents).toEqual(expect.arrayContaining([1]));
    child.kill('SIGINT');
    const { code, stderr } = await result;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('ends quietly when its reader closes the pipe', async () => {
    const { child, output, result } = await mirror.start(['status', '--watch']);
    await expect.poll(() => output.stdout).not.toBe('');
    child.stdout.destroy();
    expect(await result).toMatchObject({ code: 0, stderr: '' });
  });
});
