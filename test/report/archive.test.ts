import { join } from 'node:path';
import type pg from 'pg';
import { expect, test } from 'vitest';
import { openArchive, renderReport } from '../../src/index.ts';
import { archiveAll, openFolder } from '../history/archived-pool.ts';
import { drawnHistory } from '../history/drawn-pool.ts';
import { mirrorForEach } from '../history/mirror.ts';
import fc from '../support/fast-check.ts';
import { folderForEach } from '../support/folder-for-each.ts';
import { checkReports } from './laws.ts';

let db: pg.Pool;
mirrorForEach((made) => {
  ({ db } = made);
});
const folder = folderForEach();

test('a report from an archive alone is that of a plain model', async () => {
  let pools = 0;
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (states) => {
      pools += 1;
      const poolId = `eu-west-1_Report${pools}`;
      const destination = await openFolder(join(folder(), 'archive'));
      const taken = await archiveAll(db, destination, poolId, states);
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
