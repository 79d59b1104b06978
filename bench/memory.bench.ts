import { test } from 'vitest';
import { type Figures, report } from './support/figures.ts';
import { openLab } from './support/lab.ts';

const SIZES = [10_000, 100_000, 1_000_000];

/** The most memory that the program holds, by the size of the pool: it must not grow with it. */
test('memory', async () => {
  const cases: Record<string, Figures> = {};
  for (const users of SIZES) {
    const lab = await openLab(['--users', String(users), '--groups', '40', '--rps', '0']);
    try {
      const first = await lab.sync();
      const again = await lab.sync();
      cases[`${users.toLocaleString('en')} users`] = {
        'peak MB, first': first.peakBytes / 1e6,
        'peak MB, first, walk': first.steps.walk.peakBytes / 1e6,
        'peak MB, first, archive': first.steps.archive.peakBytes / 1e6,
        'peak MB, unchanged': again.peakBytes / 1e6,
        'peak MB, unchanged, walk': again.steps.walk.peakBytes / 1e6,
        'peak MB, unchanged, archive': again.steps.archive.peakBytes / 1e6,
        'publish, first: s': first.steps.publish.seconds,
        'publish, unchanged: s': again.steps.publish.seconds,
      };
    } finally {
      await lab.close();
    }
  }
  await report('memory', cases);
}, 1_800_000);
