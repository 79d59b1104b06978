import type pg from 'pg';
import { expect, test } from 'vitest';
import {
  CHANGE_FILTERS,
  type ChangeFilter,
  ChangesReader,
} from '../../src/dashboard/snapshot/read-changes.ts';
import { readSnapshot } from '../../src/dashboard/snapshot/read-snapshot.ts';
import type { Change } from '../../src/history/changes.ts';
import { createMirror } from '../../src/index.ts';
import { countVersions, listChangedUsers } from '../../src/postgres/dashboard/snapshot-changes.ts';
import { drawnHistory, type Taken, take } from '../history/drawn-pool.ts';
import fc from '../support/fast-check.ts';
import { databaseForEach } from '../support/postgres.ts';

let db: pg.Pool;
let url: string;
databaseForEach(4, (made) => {
  ({ db, url } = made);
});

const KINDS: Readonly<Record<ChangeFilter, (change: Change) => boolean>> = {
  all: ({ entity }) => entity === 'user',
  added: ({ entity, kind }) => entity === 'user' && kind === 'added',
  removed: ({ entity, kind }) => entity === 'user' && kind === 'removed',
  // A user whose memberships alone changed has no other version.
  modified: (change) =>
    change.entity === 'user' &&
    (change.kind === 'replaced' ||
      (change.kind === 'modified' && Object.keys(change.fields).length > 0)),
  groups: ({ entity }) => entity === 'group',
};

test('the changes of a snapshot are those of `diff`, however they are narrowed down', async () => {
  const mirror = await createMirror({ databaseUrl: url });
  let pools = 0;
  try {
    await fc.assert(
      fc.asyncProperty(drawnHistory, async (states) => {
        pools += 1;
        const poolId = `eu-west-1_Changes${pools}`;
        const taken: Taken[] = [];
        for (const state of states) taken.push(await take(db, poolId, state));
        const reader = new ChangesReader(db);
        for (const [index, { id }] of taken.entries()) {
          const details = await readSnapshot(db, poolId, id);
          if (details === null) throw new Error(`${id} is unknown.`);
          const span = reader.spanOf(details);
          const before = taken[index - 1];
          expect(span === null).toBe(before === undefined);
          if (span === null || before === undefined) continue;
          const changes: Change[] = [];
          const use = async (_: unknown, batches: AsyncIterable<readonly Change[]>) => {
            for await (const batch of batches) changes.push(...batch);
          };
          await mirror.diff(poolId, use, { from: before.id, to: id, allFields: true });
          for (const filter of CHANGE_FILTERS) {
            const page = await reader.read(details, span, { filter, text: '', after: '' });
            const shown = [...page.users, ...page.groups];
            expect([filter, shown]).toEqual([filter, changes.filter(KINDS[filter])]);
          }
          // Page by page, one user at a time.
          const versions = await countVersions(db, span);
          const names: string[] = [];
          for (;;) {
            const after = names.at(-1) ?? '';
            const question = { kind: null, prefix: '', usernames: null, after, limit: 1 };
            const [user] = await listChangedUsers(db, span, versions, question);
            if (user === undefined) break;
            names.push(user.username);
          }
          const all = changes.filter(KINDS.all).map((each) => 'username' in each && each.username);
          expect(names).toEqual(expect.arrayContaining(all));
        }
      }),
      { numRuns: 5, endOnFailure: true },
    );
  } finally {
    await mirror.close();
  }
});
