import type pg from 'pg';
import { expect, it } from 'vitest';
import { LeaseLostError } from '../../src/model/errors.ts';
import { joinLease, renewLease, takeLease } from '../../src/postgres/store/leases.ts';
import { holdSnapshot } from '../../src/postgres/store/transitions.ts';
import { begin, POOL } from '../postgres/fixtures.ts';
import { databaseForEach } from '../support/postgres.ts';

let db: pg.Pool;
databaseForEach(4, (made) => {
  db = made.db;
});

it('a renewed lease ends the jobs of its old number', async () => {
  const lease = await begin(db);
  const renewed = await renewLease(db, lease);
  expect(renewed).toEqual({ ...lease, number: lease.number + 1 });
  expect(await joinLease(db, POOL, lease.snapshotAt, lease.number)).toBeNull();
  expect(await joinLease(db, POOL, lease.snapshotAt, renewed.number)).toEqual(renewed);
});

it('a lease that another runner took cannot be renewed', async () => {
  const lease = await begin(db);
  await takeLease(db, POOL, ['walking'], lease.snapshotAt);
  await expect(renewLease(db, lease)).rejects.toThrow(LeaseLostError);
});

it('the lease of a snapshot that is no longer walking cannot be renewed', async () => {
  const lease = await begin(db);
  await holdSnapshot(db, lease, 'It lacks users.');
  await expect(renewLease(db, lease)).rejects.toThrow(LeaseLostError);
});
