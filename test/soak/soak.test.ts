import { expect, test } from 'vitest';
import { coursesOf, overBounds } from './bounds.ts';
import { CEILINGS } from './ceilings.ts';
import { runSoak } from './soak.ts';

/** A minute of what `npm run test:soak` does for twenty: too short to tell what grows, but for ceilings. */
const seed = Number(process.env['SOAK_SEED'] ?? 1 + Math.floor(Math.random() * 1e6));

test(`a minute of runs, changes and faults (SOAK_SEED=${seed}) leaves every snapshot right, and nothing behind`, async () => {
  const run = await runSoak({
    seed,
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
  expect(run.counts['requests done']).toBeGreaterThan(4);
  expect(run.counts['compared, that stood still']).toBeGreaterThan(4_000);
}, 300_000);
