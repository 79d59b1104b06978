import { expect, test } from 'vitest';
import { readSeed } from '../support/seed.ts';
import { coursesOf, overBounds } from './bounds.ts';
import { CEILINGS } from './ceilings.ts';
import { runSoak } from './soak.ts';

/** One minute of what `npm run test:soak` does for twenty: too short to see growth, so only ceilings apply. */
test('a minute of runs, changes and faults leaves every snapshot correct, and no garbage', async () => {
  const run = await runSoak({
    seed: readSeed('SOAK_SEED'),
    users: [40, 120, 1_500],
    groups: 4,
    workers: 3,
    schedule: '*/10 * * * * *',
    userListRps: 25,
    seconds: 36,
    changesEveryMs: 700,
    faultsEveryMs: 3_000,
    faultsLastMs: 3_000,
    samplesEveryMs: 1_000,
  });
  expect(run.wrong).toEqual([]);
  expect(overBounds(coursesOf(run.samples), CEILINGS)).toEqual([]);
  // It was not quiet, and there was something to compare.
  expect(Object.keys(run.faults).length).toBeGreaterThan(1);
  expect(run.counts['requests done']).toBeGreaterThan(0);
  expect(run.counts['compared, unchanged']).toBeGreaterThan(0);
});
