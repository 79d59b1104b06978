import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { serverPid } from '../support/embedded-server.ts';
import { holdCalls } from '../support/holds.ts';
import { startRedis } from '../support/redis-server.ts';
import { startInTerminal, type TerminalOptions, type TerminalRun } from '../support/terminal.ts';

let mirror: CliMirror;
let runs: TerminalRun[];

beforeEach(async () => {
  mirror = await openCliMirror({ users: 300, groups: 6, seed: 7 });
  runs = [];
});
afterEach(async () => {
  for (const run of runs) await run.end();
  await mirror.close();
});

async function start(
  args: readonly string[],
  { env, ...options }: Partial<TerminalOptions> = {},
): Promise<TerminalRun> {
  const run = await startInTerminal(args, {
    cwd: mirror.folder,
    ...options,
    env: { ...mirror.env, ...env },
  });
  runs.push(run);
  return run;
}

/** The environment without DATABASE_URL, which leads to the embedded Postgres. */
const EMBEDDED = { DATABASE_URL: '' };

const embeddedServer = () => serverPid(join(mirror.folder, '.cognito-mirror'));

async function expectShown(run: TerminalRun, text: string | RegExp): Promise<void> {
  await expect.poll(run.shown).toMatch(text);
}

/** Closes the terminal, and expects the command to end by itself with this exit code. */
async function expectEndsInOrder(run: TerminalRun, code: number): Promise<void> {
  expect(run.exitCode()).toBeNull();
  run.closeTerminal();
  await expect.poll(run.exitCode).not.toBeNull();
  expect(run.exitCode()).toBe(code);
}

describe('a terminal', () => {
  it('shows `status --watch` with its time and the way out, which exits with 0', async () => {
    await mirror.sync();
    const run = await start(['status', '--watch']);
    await expectShown(run, /\d\d:\d\d:\d\dZ, every 2 s; Ctrl-C ends this/);
    await expectShown(run, 'archived');
    run.type('\u0003');
    await expect.poll(run.exitCode).toBe(0);
    expect(run.shown()).not.toContain('Interrupted');
  });

  it('says how much does not fit', async () => {
    await mirror.sync();
    const run = await start(['status', '--watch'], { size: [80, 5] });
    await expectShown(run, /^ {2}… \d+ more lines/m);
  });

  it.each([
    ['C', false],
    ['POSIX', false],
    ['C.UTF-8', true],
  ])('with LC_ALL=%s is sent what it can show', async (locale, isUtf8) => {
    const held = holdCalls(mirror, 'ListUsersInGroup', 3);
    const run = await start(['sync'], { env: { LC_ALL: locale } });
    await expect.poll(held.reached).toBe(true);
    // The empty half of a bar may never be painted, if the users are read before the first picture.
    await expectShown(run, isUtf8 ? '████' : '####');
    held.release();
    await expect.poll(run.exitCode).toBe(0);
    expect(/[^\0-\u007f]/.test(run.shown())).toBe(isUtf8);
  });

  it('of 0 columns and rows is one of unknown size', async () => {
    const sync = await start(['sync'], { size: [0, 0] });
    await expect.poll(sync.exitCode).toBe(0);
    expect(sync.shown()).toContain(mirror.poolId);
    expect(sync.shown()).not.toContain('Infinity');
    const query = await start(['query', "SELECT 'whole' AS text"], { size: [0, 0] });
    await expectShown(query, 'whole');
    await expect.poll(query.exitCode).toBe(0);
  });
});

describe('closing the terminal', () => {
  it('interrupts sync, which keeps what was read and stops its Postgres', async () => {
    const held = holdCalls(mirror, 'ListUsersInGroup', 3);
    const run = await start(['sync'], { env: EMBEDDED });
    await expect.poll(held.reached).toBe(true);
    await expectEndsInOrder(run, 130);
    expect(await embeddedServer()).toBeNull();
    held.release();
    const { code, reports, stderr } = await mirror.sync([], { DATABASE_URL: undefined });
    expect({ code, state: reports[0]?.state }).toEqual({ code: 0, state: 'archived' });
    expect(stderr).toMatch(/"resumed":true/);
  });

  it('does not end sync that gets no SIGHUP', async () => {
    const held = holdCalls(mirror, 'ListUsersInGroup', 3);
    const run = await start(['sync'], { hangUp: false });
    await expect.poll(held.reached).toBe(true);
    run.closeTerminal();
    held.release();
    await expect.poll(run.exitCode).toBe(0);
    expect(await mirror.rows('SELECT state FROM directory.snapshots')).toEqual([
      { state: 'archived' },
    ]);
  });

  it('ends db, and stops its Postgres', async () => {
    const run = await start(['db'], { env: EMBEDDED });
    await expectShown(run, 'Ctrl-C ends this');
    expect(await embeddedServer()).not.toBeNull();
    await expectEndsInOrder(run, 0);
    expect(await embeddedServer()).toBeNull();
  });

  it('ends demo, its simulator and its Postgres', async () => {
    const run = await start(['demo']);
    await expectShown(run, 'The first snapshot');
    await expectEndsInOrder(run, 130);
    expect(await embeddedServer()).toBeNull();
  });

  it('ends simulator', async () => {
    const run = await start(['simulator', '--port', '0']);
    await expectShown(run, 'http://127.0.0.1:');
    await expectEndsInOrder(run, 0);
  });

  it('ends query', async () => {
    await mirror.sync();
    const run = await start(['query', 'SELECT pg_sleep(600) FROM directory.users']);
    const waits = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%users'";
    await expect.poll(() => mirror.rows(waits)).toHaveLength(1);
    await expectEndsInOrder(run, 130);
    expect(await mirror.rows(waits)).toEqual([]);
  });

  it('ends status --watch', async () => {
    await mirror.sync();
    const run = await start(['status', '--watch']);
    await expectShown(run, 'archived');
    await expectEndsInOrder(run, 0);
  });

  it('ends worker, which gives its jobs back', async () => {
    const redis = await startRedis();
    try {
      const held = holdCalls(mirror, 'ListUsersInGroup', 3);
      const run = await start(['worker'], { env: { REDIS_URL: redis.url, PORT: '0' } });
      await expectShown(run, 'listening');
      expect((await mirror.run(['trigger', mirror.poolId])).code).toBe(0);
      await expect.poll(held.reached).toBe(true);
      await expectEndsInOrder(run, 0);
      held.release();
      expect(await mirror.rows('SELECT FROM mirror.workers')).toEqual([]);
    } finally {
      await redis.close();
    }
  });
});
