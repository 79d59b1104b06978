import { join } from 'node:path';
import type pg from 'pg';
import { test } from 'vitest';
import { openArchive } from '../../src/index.ts';
import fc from '../support/fast-check.ts';
import { folderForEach } from '../support/folder-for-each.ts';
import { archiveAll, openFolder } from './archived-pool.ts';
import { drawnHistory } from './drawn-pool.ts';
import { checkAccess, checkDiffs, checkHistories, checkReviews } from './laws.ts';
import { mirrorForEach } from './mirror.ts';

let db: pg.Pool;
mirrorForEach((made) => {
  ({ db } = made);
});
const folder = folderForEach();

const drawnFormats = fc.constantFrom(
  ['parquet'] as const,
  ['jsonl'] as const,
  ['parquet', 'jsonl'] as const,
);

test('an archive alone gives the answers of a plain model', async () => {
  let pools = 0;
  await fc.assert(
    fc.asyncProperty(drawnHistory, drawnFormats, fc.boolean(), async (states, formats, edited) => {
      pools += 1;
      const poolId = `eu-west-1_Drawn${pools}`;
      const destination = await openFolder(join(folder(), 'archive'));
      const taken = await archiveAll(db, destination, poolId, states, { formats });
      const asked = { history: await openArchive(destination.url), poolId, taken };
      await checkDiffs(asked);
      await checkHistories(asked);
      await checkAccess(asked);
      await checkReviews(asked, edited);
    }),
    { numRuns: 6, endOnFailure: true },
  );
}, 600_000);
