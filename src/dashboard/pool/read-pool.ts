import type pg from 'pg';
import { addSeconds } from '../../common/time.ts';
import {
  type GroupSize,
  listGroupGrowth,
  listGroupSizes,
} from '../../postgres/dashboard/group-sizes.ts';
import {
  countStatuses,
  listPoolDays,
  listStatusCounts,
  type PoolDay,
  type StatusCountThen,
} from '../../postgres/dashboard/pool-history.ts';
import {
  findPool,
  listSettingsChanged,
  listSnapshots,
  type PoolHeader,
  type SettingsChanged,
} from '../../postgres/dashboard/pool-snapshots.ts';
import type { SnapshotRow } from '../../postgres/store/snapshots.ts';
import { Kept } from '../keep.ts';

/** The periods that the charts can show, in days. */
export const PERIODS = [30, 90, 365] as const;
export type PeriodDays = (typeof PERIODS)[number];

/** How many snapshots and groups a page lists. */
export const SNAPSHOTS_PER_PAGE = 30;
export const GROUPS_PER_PAGE = 20;

/** How many groups the chart over time shows. */
const CHARTED_GROUPS = 6;

/** What a person asked the page of a pool for. */
export interface PoolQuestion {
  readonly poolId: string;
  readonly days: PeriodDays;
  /** Snapshots before this time; null for the newest. */
  readonly before: Date | null;
  /** Groups after so many larger ones. */
  readonly groupsAfter: number;
}

/** The sizes of a group at several moments. */
export interface GroupOverTime {
  readonly groupName: string;
  readonly points: readonly { readonly at: Date; readonly value: number }[];
}

/** What the page of a pool shows. */
export interface PoolDetails {
  readonly pool: PoolHeader;
  /** The first and the last moment of the charts. */
  readonly period: readonly [Date, Date];
  readonly days: readonly PoolDay[];
  /** Users by status now, the most first; empty if nothing was published. */
  readonly statuses: readonly Omit<StatusCountThen, 'snapshotAt'>[];
  /** The same at the last snapshot of each day, where it is known. */
  readonly statusesThen: readonly StatusCountThen[];
  readonly groups: {
    readonly total: number;
    readonly shown: readonly GroupSize[];
    readonly after: number;
    readonly largest: number;
  };
  readonly groupsOverTime: readonly GroupOverTime[];
  readonly snapshots: readonly SnapshotRow[];
  /** The id of the last one, if others follow; else null. */
  readonly olderThan: string | null;
  readonly settings: readonly SettingsChanged[];
}

/** Reads pools for their pages. What would read every user or membership is counted once per snapshot. */
export class PoolReader {
  readonly #db: pg.Pool;
  readonly #sizes = new Kept<GroupSize[]>();
  readonly #growth = new Kept<GroupOverTime[]>();
  readonly #statuses = new Kept<Omit<StatusCountThen, 'snapshotAt'>[]>();

  constructor(db: pg.Pool) {
    this.#db = db;
  }

  /** What the page shows at this time; null if the pool is unknown. */
  async read(question: PoolQuestion, now: Date): Promise<PoolDetails | null> {
    const db = this.#db;
    const { poolId, groupsAfter } = question;
    const pool = await findPool(db, poolId);
    if (pool === null) return null;
    const since = startOfDay(addSeconds(now, -(question.days - 1) * 86_400));
    const [days, rows, settings, sizes] = await Promise.all([
      listPoolDays(db, poolId, since),
      listSnapshots(db, poolId, question.before, SNAPSHOTS_PER_PAGE + 1),
      listSettingsChanged(db, poolId, 5),
      this.#readSizes(pool),
    ]);
    const moments = days.flatMap(({ snapshotAt }) => snapshotAt ?? []);
    const statusesThen = await listStatusCounts(db, poolId, moments);
    const snapshots = rows.slice(0, SNAPSHOTS_PER_PAGE);
    return {
      pool,
      period: [since, now],
      days,
      statuses: await this.#readStatuses(pool),
      statusesThen,
      groups: {
        total: sizes.length,
        shown: sizes.slice(groupsAfter, groupsAfter + GROUPS_PER_PAGE),
        after: groupsAfter,
        largest: sizes[0]?.members ?? 0,
      },
      groupsOverTime: await this.#readGrowth(pool, sizes, moments, since),
      snapshots,
      olderThan: rows.length > SNAPSHOTS_PER_PAGE ? (snapshots.at(-1)?.snapshot ?? null) : null,
      settings,
    };
  }

  #readSizes({ poolId, latestAt }: PoolHeader): Promise<GroupSize[]> {
    if (latestAt === null) return Promise.resolve([]);
    return this.#sizes.get(`${poolId} ${latestAt.getTime()}`, () =>
      listGroupSizes(this.#db, poolId),
    );
  }

  async #readStatuses({ poolId, latestAt }: PoolHeader) {
    if (latestAt === null) return [];
    const kept = await listStatusCounts(this.#db, poolId, [latestAt]);
    if (kept.length > 0) return kept;
    return this.#statuses.get(`${poolId} ${latestAt.getTime()}`, () =>
      countStatuses(this.#db, poolId),
    );
  }

  #readGrowth(
    { poolId, latestAt, startsAt }: PoolHeader,
    sizes: readonly GroupSize[],
    moments: readonly Date[],
    since: Date,
  ): Promise<GroupOverTime[]> {
    if (latestAt === null || startsAt === null) return Promise.resolve([]);
    const key = [poolId, latestAt.getTime(), since.getTime()].join(' ');
    return this.#growth.get(key, async () => {
      const groups = sizes.slice(0, CHARTED_GROUPS);
      const names = groups.map(({ groupName }) => groupName);
      // Before the start of the history, sizes are unknown, and its first snapshot began every membership.
      const from = startsAt > since ? startsAt : since;
      const growth = await listGroupGrowth(this.#db, poolId, names, from);
      return groups.map(({ groupName, members }) => {
        const own = growth.filter((each) => each.groupName === groupName);
        const after = (at: Date) =>
          own.reduce((sum, each) => sum + (each.snapshotAt > at ? each.grown : 0), 0);
        const points = moments
          .filter((at) => at >= startsAt)
          .map((at) => ({ at, value: members - after(at) }));
        return { groupName, points };
      });
    });
  }
}

function startOfDay(at: Date): Date {
  return new Date(`${at.toISOString().slice(0, 10)}T00:00:00Z`);
}
