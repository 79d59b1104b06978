import type pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMirror, InterruptedError, type Mirror } from '../../src/index.ts';
import { user } from '../postgres/fixtures.ts';
import { databaseForEach } from '../support/postgres.ts';
import { take } from './drawn-pool.ts';

const POOL = 'eu-west-1_Batches';
const USERS = 1_200;

let db: pg.Pool;
let url: string;
let mirror: Mirror;
databaseForEach(4, (made) => {
  ({ db, url } = made);
});
beforeEach(async () => {
  mirror = await createMirror({ databaseUrl: url });
  await take(db, POOL, { users: [], groups: [], members: {} });
  const users = Array.from({ length: USERS }, (_, n) => user(`user-${n}`));
  await take(db, POOL, { users, groups: [], members: {} });
});
afterEach(() => mirror.close());

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
