import { join } from 'node:path';
import type pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openArchive, renderReport } from '../../src/index.ts';
import { archive, openFolder } from '../history/archived-pool.ts';
import { drawnHistory, type Taken, take } from '../history/drawn-pool.ts';
import { mirrorForEach } from '../history/mirror.ts';
import fc from '../support/fast-check.ts';
import { temporaryFolder } from '../support/temp.ts';
import { checkReports } from './laws.ts';

let db: pg.Pool;
mirrorForEach((made) => {
  ({ db } = made);
});
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

test('a report from an archive alone is that of a plain model', async () => {
  let pools = 0;
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (states) => {
      pools += 1;
      const poolId = `eu-west-1_Report${pools}`;
      const destination = await openFolder(join(folder.path, 'archive'));
      const taken: Taken[] = [];
      for (const state of states) {
        const each = await take(db, poolId, state);
        await archive(db, destination, poolId, each);
        taken.push(each);
      }
      const history = await openArchive(destination.url);
      await checkReports({ history, poolId, taken });

      const report = await history.report(poolId);
      expect(report.verdict).toMatchObject({
        complete: { answer: 'unknown', why: expect.stringContaining('An archive does not') },
        intact: { answer: 'yes' },
        signed: { answer: 'no' },
      });
      expect(report.record.counts.users).toBe(taken.at(-1)?.users.length);
      const page = await renderReport(report);
      expect(page.match(/not recorded in an archive/g)).toHaveLength(3);
    }),
    { numRuns: 4, endOnFailure: true },
  );
}, 600_000);
