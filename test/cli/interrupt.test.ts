import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import type { CliProcess } from '../support/cli.ts';
import { type CliMirror, filesBelow, openCliMirror, reportsOf } from '../support/cli-mirror.ts';
import { expectMirrored } from '../support/directory.ts';
import { holdCalls, keepLock, waitingFor } from '../support/holds.ts';
import { type Relay, startRelay } from '../support/relay.ts';
import { startStopwatch } from '../support/stopwatch.ts';

/** Two seconds are promised, after which the process exits by itself. */
const SOON_MS = 2_500;

let mirror: CliMirror;

beforeEach(async () => {
  mirror = await openCliMirror({ users: 300, groups: 6, seed: 7 });
});
afterEach(() => mirror.close());

const snapshots = () =>
  mirror.rows<{ snapshot: string; state: string }>(
    'SELECT snapshot, state FROM directory.snapshots ORDER BY snapshot_at',
  );

/** Expects a signal to end the command soon, in the way that a person can go on from. */
async function expectInterrupted(
  { child, result }: CliProcess,
  signal: NodeJS.Signals = 'SIGINT',
  outcome = 'What was read is kept; run the same command again to resume.',
): Promise<void> {
  const sinceSignal = startStopwatch(child.pid);
  child.kill(signal);
  const { code, stderr } = await result;
  expect(sinceSignal.elapsed()).toBeLessThan(SOON_MS);
  const [message] = stderr.split('\n').filter((line) => line.startsWith('cognito-mirror: '));
  expect(message).toMatch(/^cognito-mirror: Interrupted[.,]/);
  expect(message?.endsWith(` ${outcome}`)).toBe(true);
  expect(code).toBe(130);
  // The file that it was writing for its own use is gone.
  const temporary = readdirSync(mirror.env['TMPDIR'] as string);
  expect(temporary.filter((name) => name.startsWith('cognito-mirror'))).toEqual([]);
}

async function expectKilled({ child, result }: CliProcess): Promise<void> {
  child.kill('SIGKILL');
  expect((await result).code).toBeNull();
}

/** Runs `sync` again, and expects it to complete the one snapshot that was begun, and to say so. */
async function expectResumed(): Promise<void> {
  const [begun] = await snapshots();
  const { code, reports, stderr } = await mirror.sync();
  expect(code).toBe(0);
  expect(reports).toMatchObject([{ snapshot: begun?.snapshot, state: 'archived', reason: null }]);
  expect(stderr).toMatch(/"resumed":true/);
  expect(await snapshots()).toEqual([{ snapshot: begun?.snapshot, state: 'archived' }]);
  const db = openPool(mirror.databaseUrl, 2);
  try {
    await expectMirrored(db, mirror.pool);
  } finally {
    await db.end();
  }
  await expectNamedFilesAlone();
}

/** Expects the archive's folder to hold the manifests and what they name. */
async function expectNamedFilesAlone(): Promise<void> {
  const files = await filesBelow(mirror.archive);
  const manifests = files.filter((file) => file.startsWith('manifests/'));
  const named = manifests.flatMap((file) =>
    JSON.parse(readFileSync(join(mirror.archive, file), 'utf8')).objects.map(
      (object: { key: string }) => object.key,
    ),
  );
  expect(files).toEqual([...manifests, ...named].sort());
}

describe('sync, stopped by a person', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'while it reads, by %s, ends soon, and the next run continues',
    async (signal) => {
      const held = holdCalls(mirror, 'ListUsersInGroup', 3);
      const running = await mirror.start(['sync']);
      await expect.poll(held.reached).toBe(true);
      await expectInterrupted(running, signal);
      expect(await snapshots()).toMatchObject([{ state: 'walking' }]);
      held.release();
      const before = mirror.simulator.attempts.count({ operation: 'ListGroups' });
      await expectResumed();
      expect(mirror.simulator.attempts.count({ operation: 'ListGroups' })).toBe(before);
    },
  );

  it('prints the document of --json all the same', async () => {
    const held = holdCalls(mirror, 'ListUsers', 2);
    const running = await mirror.start(['sync', '--json']);
    await expect.poll(held.reached).toBe(true);
    await expectInterrupted(running);
    const [begun] = await snapshots();
    expect(reportsOf(running.output)).toMatchObject([
      { snapshot: begun?.snapshot, state: 'walking', archive: null },
    ]);
  });

  it('before the pool is known, begins nothing', async () => {
    const held = holdCalls(mirror, 'DescribeUserPool', 1);
    const running = await mirror.start(['sync']);
    await expect.poll(held.reached).toBe(true);
    await expectInterrupted(running, 'SIGINT', 'No snapshot was started.');
    expect(await snapshots()).toEqual([]);
  });

  it('leaves the pools alone that it had not come to', async () => {
    const held = holdCalls(mirror, 'ListUsers', 2);
    const running = await mirror.start(['sync', '--json', mirror.poolId, 'us-east-1_Later']);
    await expect.poll(held.reached).toBe(true);
    await expectInterrupted(running);
    expect(reportsOf(running.output)).toMatchObject([
      { state: 'walking' },
      { poolId: 'us-east-1_Later', snapshot: null, state: null },
    ]);
    held.release();
    await expectResumed();
  });

  it('while it publishes, ends soon, and the next run continues', async () => {
    const release = await keepLock(mirror, 'LOCK TABLE directory.users IN SHARE MODE');
    const running = await mirror.start(['sync']);
    await expect.poll(() => waitingFor(mirror, 'directory.users')).toBe(1);
    await expectInterrupted(running);
    await expect.poll(() => waitingFor(mirror, 'directory.users')).toBe(0);
    await release();
    expect(await snapshots()).toMatchObject([{ state: 'walking' }]);
    expect(await mirror.rows('SELECT FROM directory.users')).toEqual([]);
    await expectResumed();
  });

  it('while it archives, ends soon, and the next run continues', async () => {
    // The query for how far back the history goes runs for each dataset that is read.
    const release = await keepLock(
      mirror,
      'LOCK TABLE mirror.history_floors IN ACCESS EXCLUSIVE MODE',
    );
    const running = await mirror.start(['sync']);
    await expect.poll(() => waitingFor(mirror, 'mirror.history_floors')).toBe(1);
    await expectInterrupted(running);
    await release();
    expect(await snapshots()).toMatchObject([{ state: 'published' }]);
    expect(await filesBelow(mirror.archive)).toEqual([]);
    await expectResumed();
  });

  it('on an embedded Postgres, stops that as well, and loses nothing', async () => {
    const embedded = { DATABASE_URL: undefined };
    const held = holdCalls(mirror, 'ListUsersInGroup', 3);
    const running = await mirror.start(['sync', '--json'], embedded);
    await expect.poll(held.reached).toBe(true);
    await expectInterrupted(running);
    expect(existsSync(join(mirror.folder, '.cognito-mirror/postgres/postmaster.pid'))).toBe(false);
    held.release();
    const before = mirror.simulator.attempts.count({ operation: 'ListGroups' });
    const resumed = await mirror.sync([], embedded);
    expect(resumed).toMatchObject({
      code: 0,
      reports: [{ state: 'archived', snapshot: reportsOf(running.output)[0]?.snapshot }],
    });
    expect(mirror.simulator.attempts.count({ operation: 'ListGroups' })).toBe(before);
  });

  describe('while its database does not answer', () => {
    let relay: Relay;
    let running: CliProcess;
    beforeEach(async () => {
      relay = await startRelay(mirror.databaseUrl);
      const held = holdCalls(mirror, 'ListUsersInGroup', 3);
      running = await mirror.start(['sync'], { DATABASE_URL: relay.url });
      await expect.poll(held.reached).toBe(true);
      relay.freeze();
    });
    // Before the database goes, which waits for whom the relay keeps in front of its door.
    afterEach(() => relay.close());

    it('ends soon all the same', async () => {
      await expectInterrupted(running);
      expect(running.output.stderr).toContain('without waiting for a server that does not answer');
    });

    it('ends at once when it is asked again', async () => {
      running.child.kill('SIGINT');
      // Sooner, it would pass for the same Ctrl-C, which `npm` passes on as well.
      await sleep(700);
      const sinceSecond = startStopwatch(running.child.pid);
      running.child.kill('SIGINT');
      const { code, stderr } = await running.result;
      expect(sinceSecond.elapsed()).toBeLessThan(1_000);
      expect(code).toBe(130);
      expect(stderr).not.toContain('without waiting');
    });
  });
});

describe('sync, killed', () => {
  it('while it reads, is completed by the next one', async () => {
    const held = holdCalls(mirror, 'ListUsersInGroup', 3);
    const running = await mirror.start(['sync']);
    await expect.poll(held.reached).toBe(true);
    await expectKilled(running);
    held.release();
    await expectResumed();
  });

  it('while it publishes, is completed by the next one', async () => {
    const release = await keepLock(mirror, 'LOCK TABLE directory.users IN SHARE MODE');
    const running = await mirror.start(['sync']);
    await expect.poll(() => waitingFor(mirror, 'directory.users')).toBe(1);
    await expectKilled(running);
    await release();
    await expectResumed();
  });

  it('before its archive is sealed, is completed by the next one', async () => {
    const mayRead = await keepLock(
      mirror,
      'LOCK TABLE mirror.history_floors IN ACCESS EXCLUSIVE MODE',
    );
    const running = await mirror.start(['sync']);
    await expect.poll(() => waitingFor(mirror, 'mirror.history_floors')).toBe(1);
    const maySeal = await keepLock(mirror, 'SELECT FROM mirror.runs FOR UPDATE');
    await mayRead();
    const written = async () => {
      const files = await filesBelow(mirror.archive);
      return files.filter((file) => !file.startsWith('locks/'));
    };
    await expect.poll(written).toHaveLength(6);
    await expectKilled(running);
    await maySeal();
    expect(await written()).toHaveLength(6);
    await expectResumed();
  });

  it('as its first file appears, is completed by the next one', async () => {
    const running = await mirror.start(['sync']);
    while (!existsSync(join(mirror.archive, 'jsonl'))) await sleep(1);
    await expectKilled(running);
    await expectResumed();
  });
});
