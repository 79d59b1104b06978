import type pg from 'pg';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listChildren } from '../../src/cognito/shards.ts';
import { LeaseLostError } from '../../src/model/errors.ts';
import type { SnapshotLease } from '../../src/postgres/store/leases.ts';
import { replaceWithSingleChain, splitWalk } from '../../src/postgres/store/replace-walks.ts';
import { stageTables } from '../../src/postgres/store/stage.ts';
import { listWalks, type Walk } from '../../src/postgres/store/walks.ts';
import { databaseForEach } from '../support/postgres.ts';
import { begin, startWalk } from './fixtures.ts';

let db: pg.Pool;
let url: string;
databaseForEach(4, (made) => {
  ({ db, url } = made);
});
let blocker: Client;
let lease: SnapshotLease;
let cut: Walk;

beforeEach(async () => {
  blocker = new Client({ connectionString: url });
  await blocker.connect();
  lease = await begin(db);
  cut = await startWalk(db, lease, { prefix: '' });
});
afterEach(async () => {
  await blocker.end();
});

const split = () =>
  splitWalk(
    db,
    lease,
    cut,
    listChildren('').map((prefix) => ({ kind: 'users', prefix, groupName: null, expected: null })),
  );
const goSerial = () => replaceWithSingleChain(db, lease, null);

/** Resolves once so many statements wait for a lock. */
const waiting = (count: number) =>
  expect
    .poll(async () => {
      const { rows } = await db.query(
        `SELECT count(*)::int AS n FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows[0].n;
    })
    .toBe(count);

const inTheWay = {
  run: () => 'SELECT FROM mirror.runs FOR UPDATE',
  walk: () => `SELECT FROM ${stageTables(lease.stage).walks} FOR UPDATE`,
};

it.each([
  ['run', 'cut', 'serial'],
  ['run', 'serial', 'cut'],
  ['walk', 'cut', 'serial'],
  ['walk', 'serial', 'cut'],
] as const)(
  'both wait for the %s, first the %s, then the %s: nothing but the one chain is open',
  async (lock, first, _) => {
    await blocker.query('BEGIN');
    await blocker.query(inTheWay[lock]());
    const steps = first === 'cut' ? [split, goSerial] : [goSerial, split];
    const ends: Promise<unknown>[] = [];
    for (const [index, step] of steps.entries()) {
      ends.push(step().catch((error: unknown) => error));
      await waiting(index + 1);
    }
    await blocker.query('COMMIT');
    const [ofFirst, ofSecond] = await Promise.all(ends);

    const walks = await listWalks(db, lease);
    expect(walks.filter(({ state }) => state === 'open')).toMatchObject([
      { kind: 'users', prefix: null },
    ]);
    if (first === 'cut') {
      expect(ofFirst).toMatchObject({ walks: { length: 16 } });
      expect(walks).toHaveLength(18);
    } else {
      expect(ofSecond).toBeInstanceOf(LeaseLostError);
      expect(walks).toHaveLength(2);
    }
  },
);
