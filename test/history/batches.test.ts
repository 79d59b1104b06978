import type pg from 'pg';
import { beforeEach, expect, test } from 'vitest';
import { InterruptedError, type Mirror } from '../../src/index.ts';
import { user } from '../postgres/fixtures.ts';
import { take } from './drawn-pool.ts';
import { mirrorForEach } from './mirror.ts';

const POOL = 'eu-west-1_Batches';
const USERS = 1_200;

let db: pg.Pool;
let mirror: Mirror;
mirrorForEach((made) => {
  ({ db, mirror } = made);
});
beforeEach(async () => {
  await take(db, POOL, { users: [], groups: [], members: {} });
  const users = Array.from({ length: USERS }, (_, n) => user(`user-${n}`));
  await take(db, POOL, { users, groups: [], members: {} });
});
test('changes come in batches, which are counted as they pass', async () => {
  const sizes: number[] = [];
  const { summary } = await mirror.diff(POOL, async (_, batches) => {
    for await (const changes of batches) sizes.push(changes.length);
  });
  expect(sizes).toEqual([500, 500, 200]);
  expect(summary.users).toEqual({ added: USERS, removed: 0, modified: 0, replaced: 0 });
});

test('a caller may stop early', async () => {
  const { summary } = await mirror.diff(POOL, async (_, batches) => {
    for await (const changes of batches) if (changes.length > 0) break;
  });
  expect(summary.users.added).toBe(500);
  const untouched = await mirror.diff(POOL, async () => {});
  expect(untouched.summary.users.added).toBe(0);
});

test('an error of the caller ends the question, and so does its signal', async () => {
  const failing = mirror.diff(POOL, async (_, batches) => {
    for await (const changes of batches) throw new RangeError(String(changes.length));
  });
  await expect(failing).rejects.toThrow(RangeError);
  const stop = new AbortController();
  const stopped = mirror.diff(
    POOL,
    async (_, batches) => {
      for await (const changes of batches) if (changes.length > 0) stop.abort();
    },
    { signal: stop.signal },
  );
  await expect(stopped).rejects.toThrow(InterruptedError);
});
