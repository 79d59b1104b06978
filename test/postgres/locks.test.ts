import { once } from 'node:events';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isLockedInline, type Locks, openLocks } from '../../src/postgres/coordination/locks.ts';
import { databaseForEach } from '../support/postgres.ts';
import { POOL } from './fixtures.ts';

const ACCOUNT = '111122223333';
const REGION = 'eu-west-1';

let db: pg.Pool;
let url: string;
databaseForEach(4, (made) => {
  ({ db, url } = made);
});
let opened: Locks[];

beforeEach(async () => {
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((locks) => locks.unlock()));
});

async function open(onLost: () => void = () => {}): Promise<Locks> {
  const locks = await openLocks(url, onLost);
  opened.push(locks);
  return locks;
}

describe('the quota of an account and Region', () => {
  it('is shared by all who pace their calls together', async () => {
    for (const locks of [await open(), await open(), await open()]) {
      expect(await locks.lockQuota(ACCOUNT, REGION, 'shared')).toBe(true);
    }
  });

  it('is had by one alone who paces them by himself, or not at all', async () => {
    const [one, other] = [await open(), await open()];
    expect(await one.lockQuota(ACCOUNT, REGION, 'exclusive')).toBe(true);
    expect(await other.lockQuota(ACCOUNT, REGION, 'exclusive')).toBe(false);
    expect(await other.lockQuota(ACCOUNT, REGION, 'shared')).toBe(false);
    expect(await other.lockQuota(ACCOUNT, 'eu-west-2', 'exclusive')).toBe(true);
    expect(await other.lockQuota('444455556666', REGION, 'exclusive')).toBe(true);
    await one.unlock();
    expect(await other.lockQuota(ACCOUNT, REGION, 'shared')).toBe(true);
    expect(await (await open()).lockQuota(ACCOUNT, REGION, 'exclusive')).toBe(false);
  });
});

describe('a pool', () => {
  it('is taken by one inline run, and seen to be, until that one ends', async () => {
    const [one, other] = [await open(), await open()];
    expect(await isLockedInline(db, POOL)).toBe(false);
    expect(await one.lockPool(POOL)).toBe(true);
    expect(await isLockedInline(db, POOL)).toBe(true);
    expect(await isLockedInline(db, 'eu-west-1_Fixture02')).toBe(false);
    expect(await other.lockPool(POOL)).toBe(false);
    await one.unlock();
    expect(await isLockedInline(db, POOL)).toBe(false);
    expect(await other.lockPool(POOL)).toBe(true);
  });
});

describe('a connection that breaks', () => {
  it('reports it, and frees what it held', async () => {
    const lost = new EventTarget();
    const noticed = once(lost, 'lost');
    const one = await open(() => lost.dispatchEvent(new Event('lost')));
    await one.lockPool(POOL);
    await db.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'cognito-mirror locks' AND datname = current_database()`,
    );
    await noticed;
    // The server says so before it frees what the session held.
    await expect.poll(() => isLockedInline(db, POOL)).toBe(false);
  });

  it('reports nothing if it was released', async () => {
    let isLost = false;
    const one = await open(() => {
      isLost = true;
    });
    await one.lockPool(POOL);
    await one.unlock();
    expect(await isLockedInline(db, POOL)).toBe(false);
    expect(isLost).toBe(false);
  });
});
