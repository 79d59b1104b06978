import type { Moment } from '../../model/history.ts';
import type {
  PoolRecord,
  ReportSource,
  SnapshotRecord,
  StateCounts,
  StatusCount,
} from '../../model/report-source.ts';
import type { Counts } from '../../model/snapshot.ts';
import { findCheck } from '../store/snapshot-checks.ts';
import { PUBLISHED_STATES } from '../store/states.ts';
import { selectAsOf } from './as-of.ts';
import type { Asking } from './ask.ts';
import { findConcerns } from './concerns.ts';

/** The database as the source of a report, in the transaction of `asking`. */
export function postgresReportSource(asking: Asking): ReportSource {
  return {
    describePool: () => describePool(asking),
    describeSnapshot: ({ snapshotAt }) => describeSnapshot(asking, snapshotAt),
    countState: ({ snapshotAt }) => countState(asking, snapshotAt),
    findConcerns: ({ snapshotAt }, question) => findConcerns(asking, snapshotAt, question),
  };
}

/** The pool has a published snapshot. */
async function describePool({ db, poolId }: Asking): Promise<PoolRecord> {
  const pools = await db.query<Omit<PoolRecord, 'first'>>(
    'SELECT name, account_id AS "accountId" FROM directory.pools WHERE pool_id = $1',
    [poolId],
  );
  const firsts = await db.query<Moment>(
    `SELECT snapshot, snapshot_at AS "snapshotAt" FROM directory.snapshots
     WHERE pool_id = $1 AND state IN ${PUBLISHED_STATES} ORDER BY snapshot_at LIMIT 1`,
    [poolId],
  );
  return {
    ...(pools.rows[0] ?? { name: null, accountId: null }),
    first: firsts.rows[0] as Moment,
  };
}

type SnapshotRow = Moment &
  Counts & {
    readonly walkedAt: Date | null;
    readonly publishedAt: Date | null;
    readonly reason: string | null;
    readonly apiCalls: number;
    readonly throttled: number;
    readonly retries: number;
    readonly repaired: number | null;
    readonly manifest: string | null;
    readonly sha256: string | null;
  };

async function describeSnapshot({ db, poolId }: Asking, at: Date): Promise<SnapshotRecord> {
  const found = await db.query<SnapshotRow>(
    `SELECT snapshot, snapshot_at AS "snapshotAt", walked_at AS "walkedAt",
       published_at AS "publishedAt", reason, users, groups, memberships,
       api_calls AS "apiCalls", throttled, retries, repaired, manifest, manifest_sha256 AS sha256
     FROM directory.snapshots WHERE pool_id = $1 AND snapshot_at = $2`,
    [poolId, at],
  );
  const check = await findCheck(db, poolId, at);
  const row = found.rows[0] as SnapshotRow;
  const { snapshot, snapshotAt, walkedAt, publishedAt, reason, manifest, sha256 } = row;
  const { users, groups, memberships, apiCalls, throttled, retries, repaired } = row;
  return {
    snapshot,
    snapshotAt,
    walkedAt: walkedAt ?? snapshotAt,
    publishedAt: publishedAt ?? snapshotAt,
    counts: { users, groups, memberships },
    manifest: manifest === null || sha256 === null ? null : { key: manifest, sha256 },
    reason,
    work: { apiCalls, throttled, retries, repaired: repaired ?? 0 },
    check,
  };
}

async function countState({ db, poolId }: Asking, at: Date): Promise<StateCounts> {
  const statuses = await db.query<StatusCount>(
    `SELECT status, enabled, count(*) AS users, count(mfa_settings) AS "mfaKnown",
       count(*) FILTER (WHERE mfa_settings = '{}') AS "withoutMfa"
     FROM (${selectAsOf('users', 'status, enabled, mfa_settings', 'true')}) AS u
     GROUP BY status, enabled ORDER BY status, enabled`,
    [poolId, at],
  );
  const groups = await db.query<{ groups: number }>(
    `SELECT count(*) AS groups FROM (${selectAsOf('groups', 'group_name', 'true')}) AS g`,
    [poolId, at],
  );
  const members = await db.query<{ groupName: string; members: number }>(
    `SELECT group_name AS "groupName", count(*) AS members
     FROM (${selectAsOf('memberships', 'group_name', 'true')}) AS m GROUP BY group_name`,
    [poolId, at],
  );
  return {
    statuses: statuses.rows,
    groups: groups.rows[0]?.groups ?? 0,
    members: new Map(members.rows.map((row) => [row.groupName, row.members])),
  };
}
