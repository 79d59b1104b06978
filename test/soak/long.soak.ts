import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { report } from '../../bench/support/figures.ts';
import { formatCsvLine } from '../../src/common/csv.ts';
import { drawSeed } from '../support/seed.ts';
import { type Bound, type Course, coursesOf, overBounds } from './bounds.ts';
import { CEILINGS } from './ceilings.ts';
import type { Sample } from './sample.ts';
import { runSoak } from './soak.ts';

const MINUTES = 20;

/** What does not grow from the second quarter of a run to its last. */
const STEADY: Readonly<Record<string, Bound>> = {
  ...CEILINGS,
  'steady worker, MB': { most: 400, growth: 1.25 },
  'steady worker, open files': { most: 150, growth: 1.25 },
  connections: { most: 45, growth: 1.25 },
  'current state, MB': { most: 50, growth: 1.25 },
  'catalogs of Postgres, MB': { most: 50, growth: 1.25 },
};

test(
  `${MINUTES} minutes of runs, changes and faults leave every snapshot right, and grow nothing`,
  async () => {
    const seed = drawSeed('SOAK_SEED');
    const run = await runSoak({
      seed,
      users: [60, 120, 200, 300, 400, 600, 900, 2_000],
      groups: 12,
      workers: 3,
      schedule: '* * * * *',
      userListRps: 15,
      seconds: MINUTES * 60,
      changesEveryMs: 1_500,
      faultsEveryMs: 15_000,
      faultsLastMs: 20_000,
      samplesEveryMs: 5_000,
    });
    const courses = coursesOf(run.samples);
    const column = (of: (course: Course) => number) =>
      Object.fromEntries([...courses].map(([measure, course]) => [measure, of(course)]));
    await report('soak', {
      'second quarter, mean': column(({ early }) => early.mean),
      'second quarter, median': column(({ early }) => early.median),
      'second quarter, at rest': column(({ early }) => early.rest),
      'last quarter, mean': column(({ late }) => late.mean),
      'last quarter, median': column(({ late }) => late.median),
      'last quarter, at rest': column(({ late }) => late.rest),
      most: column(({ most }) => most),
      'whole run': { seed, minutes: MINUTES, changes: run.changes, ...run.counts, ...run.faults },
    });
    await keepSamples([...courses.keys()], run.samples);
    expect(run.wrong).toEqual([]);
    expect(overBounds(courses, STEADY)).toEqual([]);
  },
  MINUTES * 60_000 + 900_000,
);

/** Keeps what was measured as a table beside the figures: what grew can be looked at without another run. */
async function keepSamples(measures: readonly string[], samples: readonly Sample[]): Promise<void> {
  const lines = samples.map((sample) =>
    formatCsvLine(measures.map((measure) => sample[measure]?.toFixed(2) ?? null)),
  );
  const file = new URL('../../bench/results/soak.csv', import.meta.url);
  await writeFile(file, [formatCsvLine(measures), ...lines]);
}
