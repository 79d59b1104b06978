import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { measureWidth } from '../../src/cli/display/text-width.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { holdCalls } from '../support/holds.ts';
import { startInTerminal } from '../support/terminal.ts';

let mirror: CliMirror;
let POOL: string;
let latest: string;

beforeEach(async () => {
  mirror = await openCliMirror({ users: 150, groups: 3 });
  POOL = mirror.poolId;
  const { reports } = await mirror.sync();
  latest = reports[0]?.snapshot as string;
  mirror.pool.createUser({ username: 'eve', attributes: { email: 'eve@example.com' } });
});
afterEach(() => mirror.close());

const snapshots = () =>
  mirror.rows('SELECT snapshot, state FROM directory.snapshots ORDER BY snapshot_at');
const stages = () => mirror.rows("SELECT FROM pg_class WHERE relname ~ '^stage_'");

/** Expects that nothing of a comparison remains. */
async function expectNothingLeft(): Promise<void> {
  expect(await snapshots()).toEqual([{ snapshot: latest, state: 'archived' }]);
  expect(await stages()).toEqual([]);
}

describe('diff … now', () => {
  it.each<[string, string[]]>([
    ['alone', ['now']],
    ['after latest', ['latest', 'now']],
  ])('prints what is different in the live pool, %s', async (_, points) => {
    const { code, stdout, stderr } = await mirror.run(['diff', POOL, ...points]);
    expect(code).toBe(0);
    expect(stdout.replaceAll(/\d{4}-\d\d-\d\dT\S+Z/g, 'TIME').split('\n')).toEqual([
      `${POOL}  ${latest} → now`,
      '  read from TIME to TIME',
      '  nothing was published',
      'user  added     eve  eve@example.com, FORCE_CHANGE_PASSWORD',
      '',
      'users: 1 added, 0 removed, 0 modified, 0 replaced',
      'groups: 0 added, 0 removed, 0 modified',
      'memberships: 0 added, 0 removed',
      '',
    ]);
    const [first] = stderr.split('\n').map((line) => JSON.parse(line || '{}'));
    expect(first).toMatchObject({
      msg: 'reading the pool to compare it; nothing is published',
      poolId: POOL,
      calls: expect.any(Number),
      seconds: expect.any(Number),
    });
    await expectNothingLeft();
  });

  it('prints JSON with the time of the reading, and its exit code', async () => {
    const { code, stdout } = await mirror.run(['diff', POOL, 'now', '--json', '--exit-code']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      poolId: POOL,
      from: latest,
      to: 'now',
      beganAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      endedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      reason: null,
      changes: [expect.objectContaining({ kind: 'added', username: 'eve' })],
      summary: expect.objectContaining({
        users: { added: 1, removed: 0, modified: 0, replaced: 0 },
      }),
    });
  });

  it('shows on a terminal what it takes, how far it is, and the result', async () => {
    const held = holdCalls(mirror, 'ListUsers', 1);
    const terminal = await startInTerminal(['diff', POOL, 'now'], {
      cwd: mirror.folder,
      env: mirror.env,
      size: [80, 40],
    });
    try {
      await expect.poll(held.reached).toBe(true);
      await expect
        .poll(terminal.shown)
        .toMatch(
          /^Reading \S+ now: about \d+ calls, .*\. Nothing is published\.\r\n[\s\S]*reading/,
        );
      held.release();
      await expect.poll(terminal.exitCode).toBe(0);
      expect(terminal.shown()).toContain(`${POOL}  ${latest} → now`);
      for (const line of terminal.shown().split('\r\n')) {
        expect(measureWidth(line)).toBeLessThanOrEqual(80);
      }
    } finally {
      held.release();
      await terminal.end();
    }
  });

  it('creates nothing where nothing is mirrored', async () => {
    const { code, stdout, stderr } = await mirror.run(['diff', POOL, 'now'], {
      DATABASE_URL: undefined,
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/nothing is mirrored there yet/);
  });

  it('leaves nothing after Ctrl-C', async () => {
    const held = holdCalls(mirror, 'ListUsers', 2);
    const running = await mirror.start(['diff', POOL, 'now']);
    await expect.poll(held.reached).toBe(true);
    running.child.kill('SIGINT');
    const { code, stdout, stderr } = await running.result;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toMatch(/^cognito-mirror: Interrupted[.,].* Nothing was published\.$/m);
    held.release();
    await expectNothingLeft();
  });

  it.each<[string, (pool: string) => string[]]>([
    ['sync', (pool) => ['sync', pool]],
    ['another comparison', (pool) => ['diff', pool, 'now']],
    ['discard', (pool) => ['discard', pool]],
  ])('leaves after kill -9 what %s removes', async (name, args) => {
    if (name === 'discard') {
      mirror.pool.estimatedUsers = null;
      for (const { username } of [...mirror.pool.users()].slice(0, 60)) {
        mirror.pool.deleteUser(username);
      }
      await mirror.sync();
    }
    const before = await snapshots();
    const held = holdCalls(mirror, 'ListUsers', 2);
    const { child, result } = await mirror.start(['diff', POOL, 'now']);
    await expect.poll(held.reached).toBe(true);
    child.kill('SIGKILL');
    await result;
    held.release();
    expect(await snapshots()).toEqual([
      ...before,
      { snapshot: expect.any(String), state: 'comparing' },
    ]);
    await expect
      .poll(async () => (await mirror.run(['status', POOL])).stdout)
      .toContain('left by a `diff` that was killed; the next run removes it.');
    const last = String(before.at(-1)?.['snapshot']);
    const { code } = await mirror.run(args(name === 'discard' ? `${POOL}/${last}` : POOL));
    expect(code).toBe(0);
    const after = (await snapshots()).map(({ state }) => state);
    expect(after).not.toContain('comparing');
    expect(after).toHaveLength(before.length + (name === 'sync' ? 1 : 0));
    expect(await stages()).toEqual([]);
  });
});
