import { afterAll, beforeAll, expect, test } from 'vitest';
import { requirePoolDeps } from '../../src/runner/worker/deps.ts';
import { openWorkerMirror, type WorkerMirror } from '../support/worker-mirror.ts';

let mirror: WorkerMirror;
beforeAll(async () => {
  mirror = await openWorkerMirror({ users: 12, groups: 2, seed: 7 });
});
afterAll(() => mirror.close());

test('workers read the MFA states of a pool that asks for it', async () => {
  const poolId = mirror.pool.settings.id;
  await mirror.startWorker({
    poolDeps: async (id) => ({ ...(await requirePoolDeps(mirror.deps, id)), mfaBudget: 10 }),
  });
  await mirror.ask(poolId);
  expect(await mirror.ended(poolId)).toMatchObject({ outcome: 'done' });
  await mirror.ask(poolId);
  expect(await mirror.ended(poolId)).toMatchObject({ outcome: 'done' });
  const known = await mirror.rows('SELECT mfa_known FROM directory.snapshots ORDER BY snapshot_at');
  expect(known).toEqual([{ mfa_known: 10 }, { mfa_known: 12 }]);
});
