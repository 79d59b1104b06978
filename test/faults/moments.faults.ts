import { expect, test } from 'vitest';
import { openBackends } from './support/backends.ts';
import { countMoments } from './support/case.ts';
import { MOMENTS, type MomentName } from './support/moments.ts';

test('every moment at which a fault can be injected comes in ordinary snapshots', async () => {
  const backends = await openBackends();
  const counts = await countMoments(backends).finally(() => backends.close());
  const rare = Object.entries(MOMENTS).filter(
    ([name, { often }]) => (counts.get(name as MomentName) ?? 0) < often,
  );
  expect(rare).toEqual([]);
});
