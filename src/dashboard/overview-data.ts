import type pg from 'pg';
import type { SnapshotState } from '../model/snapshot.ts';
import { listPastDueTimes } from '../postgres/coordination/due-times.ts';
import {
  listFailedNights,
  listNightSnapshots,
  readDescribedPools,
  readUsersOverTime,
  type UsersAt,
} from '../postgres/dashboard/overview.ts';
import { listExpectedPools } from '../postgres/store/pools.ts';
import { checkAges, findMaxAge, type PoolAge } from '../runner/mirror-age.ts';
import type { Status } from '../runner/status.ts';

/** How many nights have a mark. */
const NIGHTS = 30;
/** How far back the line of users goes, in days. */
export const USERS_DAYS = 90;

/** Of a pool without a schedule, a night is a day. */
const DAILY = { pattern: '0 0 * * *', timezone: 'UTC' };

/** What happened in a night. */
export interface Night {
  readonly startsAt: Date;
  /** `none` without a snapshot, `unstarted` if a run failed before it began one. */
  readonly state: SnapshotState | 'none' | 'unstarted';
  /** Null if no snapshot began. */
  readonly snapshot: string | null;
  readonly snapshotAt: Date | null;
  readonly users: number | null;
  /** How many snapshots began in it. */
  readonly taken: number;
}

/** A row of the overview. */
export interface PoolOverview {
  readonly poolId: string;
  readonly name: string | null;
  /** Null before the pool was described. */
  readonly accountId: string | null;
  readonly age: PoolAge;
  /** False if no recent mirror is needed: the pool is retired, or was only requested or attempted. */
  readonly expected: boolean;
  /** True if a person retired it. */
  readonly retired: boolean;
  /** How old the mirror may be, in seconds. */
  readonly maxAgeSeconds: number;
  /** The next run; null without a schedule. */
  readonly dueAt: Date | null;
  readonly nights: readonly Night[];
  readonly users: readonly UsersAt[];
}

/** Reads the rows of the overview, in the order of the pools in the status. */
export async function readPoolOverviews(db: pg.Pool, status: Status): Promise<PoolOverview[]> {
  const { at, pools } = status;
  const schedules = new Map(status.schedules.map((schedule) => [schedule.poolId, schedule]));
  const startsOf = rememberStarts(at);
  const starts = pools.map(({ poolId }) => ({ poolId, starts: startsOf(schedules.get(poolId)) }));
  const [snapshots, failed, users, described, expected] = await Promise.all([
    listNightSnapshots(db, starts),
    listFailedNights(db, starts),
    readUsersOverTime(
      db,
      pools.map(({ poolId }) => poolId),
      USERS_DAYS,
    ),
    readDescribedPools(db),
    listExpectedPools(db),
  ]);
  const expectedIds = new Set(expected);
  const key = (poolId: string, night: number) => `${poolId}/${night}`;
  const taken = new Map(snapshots.map((each) => [key(each.poolId, each.night), each]));
  const unstarted = new Set(failed.map((each) => key(each.poolId, each.night)));
  return pools.map(({ poolId, retired }) => {
    const schedule = schedules.get(poolId) ?? null;
    const maxAgeSeconds = findMaxAge(schedule, at);
    const [age] = checkAges(pools, [poolId], maxAgeSeconds);
    const nights = startsOf(schedule ?? undefined).map((startsAt, night): Night => {
      const found = taken.get(key(poolId, night));
      if (found !== undefined) return { ...found, startsAt };
      const state = unstarted.has(key(poolId, night)) ? 'unstarted' : 'none';
      return { startsAt, state, snapshot: null, snapshotAt: null, users: null, taken: 0 };
    });
    return {
      poolId,
      name: described.get(poolId)?.name ?? null,
      accountId: described.get(poolId)?.accountId ?? null,
      age: age as PoolAge,
      expected: expectedIds.has(poolId),
      retired,
      maxAgeSeconds,
      dueAt: schedule?.startsAt ?? null,
      nights,
      users: users.get(poolId) ?? [],
    };
  });
}

/** The beginnings of nights by schedule. Most pools share one. */
function rememberStarts(at: Date) {
  const known = new Map<string, Date[]>();
  return ({ pattern, timezone }: { pattern: string; timezone: string } = DAILY): Date[] => {
    const key = `${pattern} ${timezone}`;
    const starts = known.get(key) ?? listPastDueTimes({ pattern, timezone }, at, NIGHTS);
    known.set(key, starts);
    return starts;
  };
}
