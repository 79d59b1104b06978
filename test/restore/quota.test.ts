import { expect, test } from 'vitest';
import { WRITE_QUOTAS, type WriteQuotaName } from '../../src/config/write-quotas.ts';
import { BUCKET_OF, isWrite, type Operation } from '../../src/quota/quotas.ts';
import { mostInAnySecond } from '../quota/sliding.ts';
import { createSource, planTasks, readPool } from './pool-model.ts';
import { expectNothingTwice, openWorld } from './support.ts';

test.each([1, 0.5])('every write is within its quota, at a share of %d', async (writeShare) => {
  // The quotas of the service: the simulator throttles what exceeds them.
  const { simulator, service, run } = await openWorld({ rps: 30 }, { writeShare });
  const source = createSource(40, 4);
  await run(planTasks(source, simulator.pool()));
  expect(readPool(simulator.pool())).toEqual(source);
  expect(simulator.attempts.count({ outcome: 'throttled' })).toBe(0);
  expectNothingTwice(simulator);

  const { releases } = service;
  expect(releases).toHaveLength(simulator.attempts.total);
  const seen = new Set<WriteQuotaName>();
  for (const operation of Object.keys(BUCKET_OF) as Operation[]) {
    if (!isWrite(operation)) continue;
    const bucket = BUCKET_OF[operation];
    const moments = releases
      .filter((each) => BUCKET_OF[each.operation] === bucket)
      .map(({ at }) => at);
    const most = Math.ceil(WRITE_QUOTAS[bucket] * writeShare) + 1;
    expect(mostInAnySecond(moments), bucket).toBeLessThanOrEqual(most);
    if (moments.length > 0) seen.add(bucket);
  }
  expect(seen.size).toBe(Object.keys(WRITE_QUOTAS).length);
});
