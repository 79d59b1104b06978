import { afterEach, beforeEach, expect, test } from 'vitest';
import fc from '../support/fast-check.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { answersOf, anyPool } from './odd-pool.ts';
import { expectedOf, readArchive, readTables } from './read-back.ts';

let mirror: TestMirror;
let poolId: string;
beforeEach(async () => {
  mirror = await openTestMirror({ users: 0, groups: 0 });
  poolId = mirror.pool.settings.id;
});
afterEach(() => mirror.close());

test('a user of any size is kept, and archived', async () => {
  const Attributes = [{ Name: 'custom:a', Value: 'é'.repeat(2_500_000) }];
  const users = [{ Username: 'a' }, { Username: 'b', Attributes }, { Username: 'c' }];
  const pool = { name: 'large', users, groups: [], members: [] };
  mirror.proxy.before = answersOf(pool, poolId);
  const { error } = await mirror.sync();
  expect(error).toBeNull();
  const expected = expectedOf(pool);
  expect(await readTables(mirror)).toEqual(expected);
  expect(await readArchive(mirror, 'jsonl')).toEqual(expected);
  expect(await readArchive(mirror, 'parquet')).toEqual(expected);
});

test('what went in comes out of SQL, Parquet and JSON Lines, whatever it is', async () => {
  // Each pool is a later state of the one before, so missing users are confirmed as well.
  let before = new Set<string>();
  await fc.assert(
    fc.asyncProperty(anyPool, async (pool) => {
      const answer = answersOf(pool, poolId);
      const here = new Set(pool.users.map(({ Username }) => Username));
      const askedAfter = new Set<string>();
      mirror.proxy.before = (call) => {
        if (call.operation === 'AdminGetUser') askedAfter.add(String(call.request['Username']));
        return answer(call);
      };
      const { error, report } = await mirror.sync();
      expect({ error, state: report.state }).toEqual({ error: null, state: 'archived' });
      const expected = expectedOf(pool);
      expect(await readTables(mirror)).toEqual(expected);
      expect(await readArchive(mirror, 'jsonl')).toEqual(expected);
      expect(await readArchive(mirror, 'parquet')).toEqual(expected);
      expect(askedAfter).toEqual(new Set([...before].filter((name) => !here.has(name))));
      before = here;
    }),
    // Whole snapshots are too slow to shrink by; the seed of a failure repeats it.
    { numRuns: 4, endOnFailure: true },
  );
});
