import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Status } from '../../src/runner/status.ts';
import type { EnvChange } from '../support/cli-mirror.ts';
import { type Fleet, type FleetWorker, openFleet, until } from '../support/fleet.ts';
import { cancelWaiting, keepLock, waitingFor } from '../support/holds.ts';
import { startStopwatch } from '../support/stopwatch.ts';

/** The promise, as in stopping.test.ts. */
const STOPS_WITHIN_MS = 5_000;

let fleet: Fleet;
beforeEach(async () => {
  fleet = await openFleet({ users: 60, groups: 2, seed: 52 });
});
afterEach(() => fleet.close());

const startWorker = (change: EnvChange = {}) =>
  fleet.worker({ MIRROR_VERIFY_SUBSET: '3', ...change });

type Verification = NonNullable<Status['pools'][number]['verification']>;

/**
 * Resolves with what `status` shows once the archive was verified. The first time comes by itself;
 * after `earlier`, the next night is let come.
 */
async function verified(earlier: Verification | null = null): Promise<Verification> {
  if (earlier !== null) {
    await fleet.rows('UPDATE mirror.verifications SET due_at = clock_timestamp()');
  }
  return until('the archive is verified', async () => {
    const { stdout } = await fleet.run(['status', '--json']);
    const found = (JSON.parse(stdout) as Status).pools[0]?.verification;
    return found?.endedAt && found.endedAt !== earlier?.endedAt ? found : undefined;
  });
}

const countVerified = (workers: readonly FleetWorker[]) =>
  workers
    .flatMap(({ output }) => output.stderr.split('\n'))
    .filter((line) => line.includes('"verified the archive')).length;

const waiting = () => waitingFor(fleet, 'mirror.verifications');

test('of three workers, one verifies each night', async () => {
  expect((await fleet.sync()).code).toBe(0);
  const workers = await Promise.all([1, 2, 3].map(() => startWorker()));
  let last: Verification | null = null;
  for (const subset of [1, 2, 3, 1]) {
    last = await verified(last);
    expect(last).toMatchObject({ subset, subsets: 3, findings: {}, problem: null });
  }
  for (const { child } of workers) child.kill('SIGTERM');
  await Promise.all(workers.map(({ result }) => result));
  expect(countVerified(workers)).toBe(4);
});

test('a subset whose worker is killed or stopped is verified by another', async () => {
  expect((await fleet.sync()).code).toBe(0);
  // It has read its subset, and cannot record it.
  const release = await keepLock(fleet, 'LOCK TABLE mirror.verifications IN SHARE MODE');
  const killed = await startWorker();
  await until('it verifies', async () => (await waiting()) > 0);
  killed.child.kill('SIGKILL');
  await killed.result;
  await cancelWaiting(fleet, 'mirror.verifications');

  const stopped = await startWorker();
  await until('the next one verifies', async () => (await waiting()) > 0);
  const sinceSignal = startStopwatch(stopped.pid);
  stopped.child.kill('SIGTERM');
  expect((await stopped.result).code).toBe(0);
  expect(sinceSignal.elapsed()).toBeLessThan(STOPS_WITHIN_MS);
  expect(await waiting()).toBe(0);
  await release();
  expect(await fleet.rows('SELECT FROM mirror.verifications')).toEqual([]);

  const last = await startWorker();
  await until('the last one verifies', async () => countVerified([last]) > 0);
  expect(await fleet.rows('SELECT subset, findings FROM mirror.verifications')).toEqual([
    { subset: 1, findings: {} },
  ]);
});

test('the signing key, or the file of signers, says whose signatures are right', async () => {
  const lines: string[] = [];
  for (const name of ['first', 'second']) {
    lines.push((await fleet.run(['keygen', '--out', name])).stdout);
    const key = { ARCHIVE_SIGNING_KEY: join(fleet.folder, name) };
    expect((await fleet.sync([], key)).code).toBe(0);
  }
  const key = { ARCHIVE_SIGNING_KEY: join(fleet.folder, 'second') };
  const worker = await startWorker(key);
  const night = await verified();
  expect(night.findings).toEqual({ 'unknown-key': 1 });
  worker.child.kill('SIGTERM');
  await worker.result;

  const signers = join(fleet.folder, 'allowed_signers');
  writeFileSync(signers, lines.join(''));
  const shown = await fleet.run(['verify'], { ARCHIVE_SIGNERS: signers });
  expect(shown.stdout).toMatch(/: 1 document \(cognito-mirror\)\n/);
  await startWorker({ ...key, ARCHIVE_SIGNERS: signers });
  expect((await verified(night)).findings).toEqual({});
});

test.each([
  [{ MIRROR_VERIFY_SUBSET: '3/7' }, 'MIRROR_VERIFY_SUBSET: must be a whole number from 1 to 1000'],
  [{ MIRROR_VERIFY_SUBSET: '0' }, 'MIRROR_VERIFY_SUBSET: must be a whole number from 1 to 1000'],
  [
    { MIRROR_VERIFY_SUBSET: '7', ARCHIVE_SIGNERS: 'none' },
    'ARCHIVE_SIGNERS: none cannot be read (ENOENT). Give the path of a file',
  ],
])('a worker refuses %j', async (change, message) => {
  const { code, stderr } = await fleet.run(['worker'], {
    REDIS_URL: fleet.redis.url,
    PORT: '0',
    ...change,
  });
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
