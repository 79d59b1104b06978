import type pg from 'pg';
import { expect, test } from 'vitest';
import type { Mirror } from '../../src/index.ts';
import { drawnHistory, type State, type Taken, take } from '../history/drawn-pool.ts';
import type { AskedPool } from '../history/laws.ts';
import { mirrorForEach } from '../history/mirror.ts';
import fc from '../support/fast-check.ts';
import { checkReports, countMembers } from './laws.ts';

let db: pg.Pool;
let mirror: Mirror;
mirrorForEach((made) => {
  ({ db, mirror } = made);
});

let pools = 0;

/** Publishes states, with the counts that a check would have recorded. */
async function takeAll(states: readonly State[]): Promise<AskedPool> {
  pools += 1;
  const poolId = `eu-west-1_Report${pools}`;
  const taken: Taken[] = [];
  for (const state of states) {
    const snapshot = await take(db, poolId, state);
    await db.query(
      `UPDATE directory.snapshots SET users = $3, groups = $4, memberships = $5
       WHERE pool_id = $1 AND snapshot_at = $2`,
      [poolId, snapshot.at, state.users.length, state.groups.length, countMembers(state)],
    );
    taken.push(snapshot);
  }
  return { history: mirror, poolId, taken };
}

test('a report has the numbers and names of a plain model, between any two snapshots', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (states) => checkReports(await takeAll(states))),
    { numRuns: 8, endOnFailure: true },
  );
}, 600_000);

test('lists are cut at the limit, and totals are not', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (states) => {
      const { poolId, taken } = await takeAll(states.slice(-2));
      const [whole, cut] = [await mirror.report(poolId), await mirror.report(poolId, { limit: 1 })];
      expect(cut.summary).toEqual(whole.summary);
      for (const [name, list] of Object.entries(whole.concerns)) {
        const short = cut.concerns[name as keyof typeof cut.concerns];
        expect(short).toEqual({ total: list.total, shown: list.shown.slice(0, 1) });
      }
      expect(cut.users.added).toEqual(whole.users.added.slice(0, 1));
      expect(cut.roles).toEqual({ ...whole.roles, shown: whole.roles.shown.slice(0, 1) });
      expect(whole.to.snapshot).toBe(taken.at(-1)?.id);
    }),
    { numRuns: 5, endOnFailure: true },
  );
}, 600_000);
