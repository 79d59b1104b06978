import type pg from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import type { DueTimes, PoolSchedule } from '../../src/postgres/coordination/due-times.ts';
import { endRequest, findOpenRequestForPool } from '../../src/postgres/coordination/requests.ts';
import {
  listOverduePools,
  openDueRequest,
  saveSchedules,
} from '../../src/postgres/coordination/schedules.ts';
import { databaseForEach } from '../support/postgres.ts';
import { POOL } from './fixtures.ts';

const OTHER = 'eu-west-1_Fixture02';

let db: pg.Pool;
databaseForEach(12, (made) => {
  db = made.db;
});

const nightly = (poolId: string, change: Partial<PoolSchedule> = {}): PoolSchedule => ({
  poolId,
  pattern: '0 2 * * *',
  timezone: 'UTC',
  ...change,
});

async function schedules(): Promise<(PoolSchedule & DueTimes)[]> {
  const found = await db.query(
    `SELECT pool_id AS "poolId", pattern, timezone, due_at AS "dueAt", starts_at AS "startsAt"
     FROM mirror.schedules ORDER BY pool_id`,
  );
  return found.rows;
}

/** Moves a pool's next run; negative is into the past. */
async function moveRun(dueSeconds: number, startsSeconds: number): Promise<void> {
  await db.query(
    `UPDATE mirror.schedules SET due_at = clock_timestamp() + make_interval(secs => $1),
       starts_at = clock_timestamp() + make_interval(secs => $2)`,
    [dueSeconds, startsSeconds],
  );
}

async function requests(): Promise<unknown[]> {
  return (await db.query('SELECT outcome, reason FROM mirror.requests ORDER BY id')).rows;
}

describe('saved schedules', () => {
  it('are those of the configuration: added, changed and removed', async () => {
    await saveSchedules(db, [nightly(POOL), nightly(OTHER)]);
    const changed = [nightly(POOL, { timezone: 'Europe/Berlin' })];
    await saveSchedules(db, changed);
    expect(await schedules()).toMatchObject(changed);
    expect(await schedules()).toHaveLength(1);
    await saveSchedules(db, []);
    expect(await schedules()).toEqual([]);
  });

  it('keep their time if they stay the same, even a time that has passed', async () => {
    await saveSchedules(db, [nightly(POOL), nightly(OTHER)]);
    await moveRun(-7200, -7100);
    const before = await schedules();
    const changed = nightly(OTHER, { pattern: '0 3 * * *' });
    await saveSchedules(db, [nightly(POOL), changed]);
    const [same, other] = await schedules();
    expect(same).toEqual(before[0]);
    expect(other?.dueAt.getTime()).toBeGreaterThan(Date.now());
  });

  it('can be saved by many at once, while runs start', async () => {
    const both = [nightly(POOL), nightly(OTHER)];
    await saveSchedules(db, both);
    for (let time = 0; time < 20; time += 1) {
      await moveRun(-10, -5);
      const taken = [POOL, OTHER].map((poolId) => openDueRequest(db, poolId));
      const saved = [1, 2, 3].map(() => saveSchedules(db, both));
      await Promise.all([...saved, ...taken]);
    }
    expect(await schedules()).toMatchObject(both);
  });
});

describe('a run that is due', () => {
  beforeEach(() => saveSchedules(db, [nightly(POOL)]));

  it('starts once, however many workers try and however many runs were missed', async () => {
    await moveRun(-90 * 24 * 3600, -90 * 24 * 3600 + 60);
    expect(await listOverduePools(db, 3)).toEqual([POOL]);
    const taken = await Promise.all(Array.from({ length: 10 }, () => openDueRequest(db, POOL)));
    const kinds = taken.map(({ kind }) => kind).sort();
    expect(kinds).toEqual([...Array(9).fill('none'), 'requested']);
    expect(await requests()).toEqual([{ outcome: null, reason: null }]);
    expect(await listOverduePools(db, 3)).toEqual([]);
    const [{ dueAt } = { dueAt: new Date(0) }] = await schedules();
    expect(dueAt.getTime()).toBeGreaterThan(Date.now());
  });

  it('begins after its delay', async () => {
    await moveRun(-10, 50);
    const due = await openDueRequest(db, POOL);
    expect(due.kind).toBe('wait');
    if (due.kind === 'wait') {
      expect(due.ms).toBeGreaterThan(0);
      expect(due.ms).toBeLessThanOrEqual(50_000);
    }
    expect(await listOverduePools(db, 3)).toEqual([]);
    expect(await requests()).toEqual([]);
  });

  it('is not taken before its time, nor for a pool without a schedule', async () => {
    expect(await openDueRequest(db, POOL)).toEqual({ kind: 'none' });
    expect(await openDueRequest(db, OTHER)).toEqual({ kind: 'none' });
    expect(await requests()).toEqual([]);
  });

  it('is noted and skipped while the one before is in progress', async () => {
    await moveRun(-10, -5);
    await openDueRequest(db, POOL);
    await moveRun(-10, -5);
    expect(await openDueRequest(db, POOL)).toEqual({ kind: 'skipped' });
    expect(await requests()).toEqual([
      { outcome: null, reason: null },
      {
        outcome: 'skipped',
        reason: expect.stringMatching(
          /^The snapshot requested at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC was still in progress\.$/,
        ),
      },
    ]);
  });

  it('is requested or recorded if the one before ends at the same moment', async () => {
    for (let time = 1; time <= 30; time += 1) {
      await moveRun(-10, -5);
      const open = await findOpenRequestForPool(db, POOL);
      const ended = open ? endRequest(db, open.id, 'done', null) : null;
      await Promise.all([openDueRequest(db, POOL), ended]);
      expect(await requests()).toHaveLength(time);
    }
  });
});
