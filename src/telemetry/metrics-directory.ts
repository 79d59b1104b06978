import { Counter, Gauge, type Registry } from 'prom-client';
import type { SnapshotState } from '../model/snapshot.ts';

/** What Postgres tells of one pool. */
export interface PoolMetrics {
  readonly poolId: string;
  /** Whether it is mirrored on a schedule: pools once mirrored stay in the database. */
  readonly scheduled: boolean;
  /** Snapshots by state. */
  readonly snapshots: Readonly<Record<SnapshotState, number>>;
  /** Ended requests by outcome. */
  readonly requests: Readonly<Record<string, number>>;
  /** Seconds since the newest published snapshot began, archived or not; null where there is none. */
  readonly publishedAge: number | null;
  /** Seconds since the newest archived snapshot began; null where there is none. */
  readonly archivedAge: number | null;
  /** The last attempt to mirror it, also one that began no snapshot; null where there was none. */
  readonly lastAttempt: {
    /** When it ended, in seconds since 1970. */
    readonly endedAt: number;
    /** Whether its snapshot was archived. */
    readonly succeeded: boolean;
  } | null;
  /** What the newest published snapshot holds, and how its users differ from the one before. */
  readonly newest: {
    readonly users: number;
    readonly groups: number;
    readonly memberships: number;
    readonly added: number;
    readonly modified: number;
    readonly removed: number;
    /** Rows of users that something else had changed, and that it put right. */
    readonly repaired: number;
  } | null;
  /** The size on disk of the stage of its open snapshot; 0 where none is open. */
  readonly stageBytes: number;
}

/** What Postgres tells of every pool. */
export type DirectoryMetrics = readonly PoolMetrics[];

/** Gauges of what the database holds: every process tells the same of it. */
export function directoryMetrics(registry: Registry): {
  set(figures: DirectoryMetrics | null): void;
  /** Counts a query that failed although Postgres was reachable. */
  readonly queryFailed: () => void;
} {
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const up = gauge(
    'cognito_mirror_postgres_up',
    'Whether the database could be read: 1 or 0. Where it could not, no pool is told of.',
  );
  const queryErrors = new Counter({
    name: 'cognito_mirror_pool_query_errors_total',
    help: 'Failed queries for the metrics of pools while the database was reachable. The log has the error.',
    registers: [registry],
  });
  const scheduled = gauge(
    'cognito_mirror_pool_scheduled',
    'Whether the pool is mirrored on a schedule: 1 or 0.',
    'pool_id',
  );
  const snapshots = gauge('cognito_mirror_snapshots', 'Snapshots by state.', 'pool_id', 'state');
  const requests = gauge(
    'cognito_mirror_requests_ended',
    'Requests for a snapshot that ended, as far as they are kept.',
    'pool_id',
    'outcome',
  );
  const age = gauge(
    'cognito_mirror_snapshot_age_seconds',
    'Time since the newest snapshot that was published, or archived, began; +Inf where there is none.',
    'pool_id',
    'state',
  );
  const attemptedAt = gauge(
    'cognito_mirror_last_attempt_timestamp_seconds',
    'When the last attempt to mirror the pool ended, in seconds since 1970.',
    'pool_id',
  );
  const attemptSucceeded = gauge(
    'cognito_mirror_last_attempt_success',
    'Whether the last attempt to mirror the pool ended with an archived snapshot: 1 or 0.',
    'pool_id',
  );
  const users = gauge('cognito_mirror_users', 'Users in the newest published snapshot.', 'pool_id');
  const groups = gauge(
    'cognito_mirror_groups',
    'Groups in the newest published snapshot.',
    'pool_id',
  );
  const memberships = gauge(
    'cognito_mirror_memberships',
    'Memberships in the newest published snapshot.',
    'pool_id',
  );
  const changedUsers = gauge(
    'cognito_mirror_changed_users',
    'Users that the newest published snapshot added, modified or removed.',
    'pool_id',
    'kind',
  );
  const repairedUsers = gauge(
    'cognito_mirror_repaired_users',
    'Rows of directory.users that something else had changed, put right by the newest published snapshot.',
    'pool_id',
  );
  const stageBytes = gauge(
    'cognito_mirror_stage_bytes',
    'Size on disk of what the open snapshot has read; 0 where none is open.',
    'pool_id',
  );
  const ofPools = [
    scheduled,
    snapshots,
    requests,
    age,
    attemptedAt,
    attemptSucceeded,
    users,
    groups,
    memberships,
    changedUsers,
    repairedUsers,
    stageBytes,
  ];

  const setPool = (pool: PoolMetrics) => {
    const pool_id = pool.poolId;
    scheduled.set({ pool_id }, pool.scheduled ? 1 : 0);
    for (const [state, count] of Object.entries(pool.snapshots)) {
      snapshots.set({ pool_id, state }, count);
    }
    for (const [outcome, count] of Object.entries(pool.requests)) {
      requests.set({ pool_id, outcome }, count);
    }
    // No snapshot at all is older than any: the same alert tells of both.
    age.set({ pool_id, state: 'published' }, pool.publishedAge ?? Number.POSITIVE_INFINITY);
    age.set({ pool_id, state: 'archived' }, pool.archivedAge ?? Number.POSITIVE_INFINITY);
    stageBytes.set({ pool_id }, pool.stageBytes);
    if (pool.lastAttempt !== null) {
      attemptedAt.set({ pool_id }, pool.lastAttempt.endedAt);
      attemptSucceeded.set({ pool_id }, pool.lastAttempt.succeeded ? 1 : 0);
    }
    if (pool.newest === null) return;
    users.set({ pool_id }, pool.newest.users);
    groups.set({ pool_id }, pool.newest.groups);
    memberships.set({ pool_id }, pool.newest.memberships);
    for (const kind of ['added', 'modified', 'removed'] as const) {
      changedUsers.set({ pool_id, kind }, pool.newest[kind]);
    }
    repairedUsers.set({ pool_id }, pool.newest.repaired);
  };
  return {
    queryFailed: () => queryErrors.inc(),
    set(figures) {
      up.set(figures === null ? 0 : 1);
      for (const each of ofPools) each.reset();
      for (const pool of figures ?? []) setPool(pool);
    },
  };
}
