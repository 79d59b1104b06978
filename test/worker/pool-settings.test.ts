import { afterAll, beforeAll, expect, it } from 'vitest';
import { HashKey } from '../../src/privacy/hash-key.ts';
import { Secrets } from '../../src/privacy/secrets.ts';
import type { PoolDeps } from '../../src/runner/describe-pool.ts';
import { HASH_KEY } from '../support/privacy.ts';
import { openWorkerMirror, type WorkerMirror } from '../support/worker-mirror.ts';

let mirror: WorkerMirror;
beforeAll(async () => {
  mirror = await openWorkerMirror({ users: 60, groups: 2, seed: 72 });
});
afterAll(() => mirror.close());

it('workers keep the settings of a pool, also while the service throttles', async () => {
  const poolId = mirror.pool.settings.id;
  mirror.simulator.faults.set({
    throttle: { rate: 0.3, operations: ['DescribeUserPoolClient', 'GetUICustomization'] },
  });
  const { poolDeps } = mirror.deps;
  const secrets = new Secrets(poolId, new HashKey(HASH_KEY));
  await mirror.startWorker({
    poolDeps: async (id) => ({ ...((await poolDeps(id)) as PoolDeps), secrets }),
  });
  await mirror.ask(poolId);
  expect(await mirror.ended(poolId)).toMatchObject({ outcome: 'done', reason: null });
  const parts = await mirror.rows<{ part: string; settings: Record<string, unknown> }>(
    'SELECT part, settings FROM directory.pool_settings ORDER BY part',
  );
  const [snapshot] = await mirror.rows('SELECT settings, settings_unread FROM directory.snapshots');
  expect(snapshot).toEqual({ settings: parts.length, settings_unread: null });
  expect(parts[0]?.settings['ClientSecret']).toMatch(/^hmac-sha256:/);
});
