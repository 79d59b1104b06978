import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { resolvePools } from '../../src/app/resolve-pools.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { openMetricsQuery } from '../../src/postgres/coordination/metrics.ts';
import { saveSchedules } from '../../src/postgres/coordination/schedules.ts';
import { recordListed } from '../../src/postgres/store/pools.ts';
import { localAccountBuckets } from '../../src/quota/account-buckets.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

const POOLS = ['us-east-1_Crm', 'us-east-1_Shop', 'eu-west-1_Far'];

let mirror: TestMirror;
let hidden: string[];
beforeEach(async () => {
  vi.stubEnv('AWS_REGION', 'us-east-1');
  mirror = await openTestMirror({ users: 5, groups: 1, pools: POOLS });
  hidden = [];
  mirror.proxy.after = (_, answer) => {
    const pools = answer['UserPools'] as { Id: string }[] | undefined;
    return pools ? { UserPools: pools.filter(({ Id }) => !hidden.includes(Id)) } : answer;
  };
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await mirror.close();
});

async function resolve(pools = 'all') {
  const share = { share: 1, userListRps: 1e6 };
  const buckets = localAccountBuckets({ of: () => share, leastShare: () => 1 });
  const log = createLogger({ level: 'silent' });
  const config = loadConfig({ COGNITO_POOLS: pools });
  const signal = new AbortController().signal;
  try {
    const resolved = await resolvePools(
      { config, access: {}, log },
      config.pools,
      { db: mirror.db, buckets },
      signal,
    );
    await recordListed(mirror.db, resolved.listed);
    return resolved.poolIds;
  } finally {
    await buckets.close();
  }
}

test('a pool that `all` no longer lists keeps its schedule and its metrics', async () => {
  expect(await resolve()).toEqual(['us-east-1_Crm', 'us-east-1_Shop']);
  for (const poolId of POOLS) await mirror.sync({ poolId });
  hidden = ['us-east-1_Shop'];
  const poolIds = await resolve();
  expect(poolIds).toEqual(['us-east-1_Crm', 'us-east-1_Shop']);

  const schedules = poolIds.map((poolId) => ({ poolId, pattern: '0 2 * * *', timezone: 'UTC' }));
  await saveSchedules(mirror.db, schedules);
  const figures = await openMetricsQuery(mirror.db, (error) => {
    throw error;
  })();
  expect(figures?.pools.find(({ poolId }) => poolId === 'us-east-1_Shop')).toMatchObject({
    scheduled: true,
    publishedAge: expect.any(Number),
  });
});

test('pools that are named, of another Region or of another account do not vanish', async () => {
  await resolve();
  for (const poolId of POOLS) await mirror.sync({ poolId });
  hidden = ['us-east-1_Shop'];
  expect(await resolve('us-east-1_Crm')).toEqual(['us-east-1_Crm']);
  await mirror.db.query(
    `UPDATE directory.pools SET account_id = '999999999999' WHERE pool_id = 'us-east-1_Shop'`,
  );
  expect(await resolve()).toEqual(['us-east-1_Crm']);
});
