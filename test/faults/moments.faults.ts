import { expect, test } from 'vitest';
import { countMoments } from './support/case.ts';
import { openLane } from './support/lane.ts';
import { MOMENTS, type MomentName } from './support/moments.ts';

test('every moment at which a blow can fall comes in ordinary snapshots', async () => {
  const lane = await openLane();
  const counts = await countMoments(lane).finally(() => lane.close());
  const rare = Object.entries(MOMENTS).filter(
    ([name, { often }]) => (counts.get(name as MomentName) ?? 0) < often,
  );
  expect(rare).toEqual([]);
});
