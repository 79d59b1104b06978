import { afterAll, beforeAll, expect, test } from 'vitest';
import { ResumableError } from '../../src/model/errors.ts';
import { wrap } from '../archive/destinations.ts';
import { openWorkerMirror, type WorkerMirror } from '../support/worker-mirror.ts';

const [PRUNED, KEPT, FAILING] = [
  'us-east-1_Pruned',
  'us-east-1_Kept',
  'us-east-1_Failing',
] as const;
const NEVER = new AbortController().signal;

let mirror: WorkerMirror;
beforeAll(async () => {
  mirror = await openWorkerMirror({ pools: [PRUNED, KEPT, FAILING], users: 30, groups: 2 });
});
afterAll(() => mirror.close());

/** Takes a snapshot by a worker; returns its id. */
async function snapshot(poolId: string): Promise<string> {
  await mirror.ask(poolId);
  expect(await mirror.ended(poolId)).toMatchObject({ outcome: 'done', reason: null });
  const [newest] = await mirror.rows<{ snapshot: string }>(
    'SELECT snapshot FROM directory.snapshots WHERE pool_id = $1 ORDER BY snapshot_at DESC LIMIT 1',
    [poolId],
  );
  return newest?.snapshot ?? '';
}

/** The pool's snapshots that have parts at the destination. */
async function withParts(poolId: string): Promise<string[]> {
  const found = new Set<string>();
  const prefix = `jsonl/users/pool_id=${poolId}/`;
  for await (const { key } of mirror.destination.list(prefix, NEVER)) {
    found.add(/snapshot=(\w+)\//.exec(key)?.[1] ?? key);
  }
  return [...found].sort();
}

const removedInPostgres = async (poolId: string) =>
  (
    await mirror.rows<{ snapshot: string }>(
      `SELECT snapshot FROM directory.snapshots
       WHERE pool_id = $1 AND archive_removed_at IS NOT NULL ORDER BY 1`,
      [poolId],
    )
  ).map((row) => row.snapshot);

async function metric(name: string, outcome?: string): Promise<number> {
  const found = await mirror.deps.metrics.registry.getSingleMetric(name)?.get();
  return found?.values.find(({ labels }) => labels['outcome'] === outcome)?.value ?? 0;
}

/** Starts a worker that keeps snapshots by this rule. */
async function startWorker(
  keep: WorkerMirror['deps']['keep'],
  destination = mirror.destination,
): Promise<void> {
  const { poolDeps } = mirror.deps;
  Object.assign(mirror.deps, {
    keep,
    poolDeps: async (poolId: string) => ({ ...(await poolDeps(poolId)), destination }),
  });
  await mirror.startWorker();
}

test('a worker prunes the archive after it sealed a snapshot', async () => {
  await startWorker({ last: 2 });
  const [first, second] = [await snapshot(PRUNED), await snapshot(PRUNED)];
  expect(await withParts(PRUNED)).toEqual([first, second]);
  expect(await removedInPostgres(PRUNED)).toEqual([]);
  const third = await snapshot(PRUNED);
  expect(await withParts(PRUNED)).toEqual([second, third]);
  expect(await removedInPostgres(PRUNED)).toEqual([first]);
  expect(await metric('cognito_mirror_retention_runs_total', 'completed')).toBe(3);
  expect(await metric('cognito_mirror_removed_archives_total')).toBe(1);
  expect(await metric('cognito_mirror_removed_archive_bytes_total')).toBeGreaterThan(0);
});

test('without a rule, it removes nothing', async () => {
  await startWorker(null);
  const all = [await snapshot(KEPT), await snapshot(KEPT), await snapshot(KEPT)];
  expect(await withParts(KEPT)).toEqual(all);
  expect(await metric('cognito_mirror_retention_runs_total', 'completed')).toBe(3);
});

test('a failure of retention fails no snapshot, and the next one tries again', async () => {
  let isDown = true;
  const failing = wrap(mirror.destination, {
    delete(keys, signal) {
      const isPart = keys.some((key) => key.startsWith('jsonl/'));
      return isDown && isPart
        ? Promise.reject(new ResumableError('The disk is away.'))
        : mirror.destination.delete(keys, signal);
    },
  });
  await startWorker({ last: 1 }, failing);
  const [first, second] = [await snapshot(FAILING), await snapshot(FAILING)];
  expect(await withParts(FAILING)).toEqual([first, second]);
  expect(await removedInPostgres(FAILING)).toEqual([]);
  expect(await metric('cognito_mirror_retention_runs_total', 'failed')).toBe(1);
  isDown = false;
  const third = await snapshot(FAILING);
  expect(await withParts(FAILING)).toEqual([third]);
  expect(await removedInPostgres(FAILING)).toEqual([first, second]);
});
