import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawCase, playCase } from './support/case.ts';
import { type Lane, openLane } from './support/lane.ts';

let lane: Lane;
beforeAll(async () => {
  lane = await openLane();
});
afterAll(() => lane.close());

describe('a drawn case', () => {
  it.each((process.env['SEEDS'] ?? '1,2,3').split(',').map(Number))(
    '%i',
    async (seed) => {
      const drawn = drawCase(seed);
      console.log(JSON.stringify(drawn));
      const t = performance.now();
      const report = await playCase(lane, drawn);
      console.log(seed, Math.round(performance.now() - t), report.struck);
      expect(report).toBeTruthy();
    },
    300_000,
  );
});
