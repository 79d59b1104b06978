import { Counter, Gauge, type Registry } from 'prom-client';
import type { SnapshotState } from '../model/snapshot.ts';

/** The metrics of one pool, from Postgres. */
export interface PoolMetrics {
  readonly poolId: string;
  /** True if a schedule mirrors it. Pools that were mirrored once stay in the database. */
  readonly scheduled: boolean;
  /** True if workers found its mirror to be older than its schedule allows. */
  readonly late: boolean;
  /** True if COGNITO_POOLS=all had listed it, and it is gone. */
  readonly vanished: boolean;
  /** Snapshots by state. */
  readonly snapshots: Readonly<Record<SnapshotState, number>>;
  /** Ended requests by outcome. */
  readonly requests: Readonly<Record<string, number>>;
  /** Seconds since the newest published snapshot started, archived or not; null without one. */
  readonly publishedAge: number | null;
  /** Seconds since the newest archived snapshot started; null without one. */
  readonly archivedAge: number | null;
  /** The last attempt to mirror it, even if it started no snapshot; null without one. */
  readonly lastAttempt: {
    /** When it ended, in seconds since 1970. */
    readonly endedAt: number;
    /** True if its snapshot was archived. */
    readonly succeeded: boolean;
  } | null;
  /** The counts of the newest published snapshot and of its changes to users. */
  readonly newest: {
    readonly users: number;
    readonly groups: number;
    readonly memberships: number;
    readonly added: number;
    readonly modified: number;
    readonly removed: number;
    /** Rows of users that it repaired after something else had changed them. */
    readonly repaired: number;
    /** Users whose MFA state is known; null if its run did not read MFA states. */
    readonly mfaKnown: number | null;
  } | null;
  /** The size on disk of the stage of its open snapshot; 0 without one. */
  readonly stageBytes: number;
  /** Objects of its archive that held forgotten persons, and that Object Lock keeps. */
  readonly waitingObjects: number;
  /** The verification of its archive by workers; null without one. */
  readonly verification: {
    /** How many things were found to be wrong. */
    readonly findings: number;
    /** When the last one was completed, in seconds since 1970; 0 before the first. */
    readonly completedAt: number;
    /** Everything that was archived before this time was read after it; null: not everything was. */
    readonly coveredSince: number | null;
  } | null;
}

/** How many workers there are, as every worker sees them in Postgres. */
export interface WorkerCounts {
  readonly alive: number;
  /** Alive, but Redis or Postgres is down or refuses something. */
  readonly unready: number;
  /** Not seen for 30 seconds, and for at most an hour. */
  readonly lost: number;
}

/** What Postgres knows of all pools and workers. */
export interface DirectoryMetrics {
  readonly pools: readonly PoolMetrics[];
  /** Null if the query failed. */
  readonly workers: WorkerCounts | null;
}

/** Registers the gauges about the database, which are the same in every process. */
export function registerDirectoryMetrics(registry: Registry): {
  /** Null if Postgres did not answer. */
  set(directory: DirectoryMetrics | null): void;
  /** Counts a query that failed although Postgres was reachable. */
  readonly recordQueryError: () => void;
} {
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const up = gauge(
    'cognito_mirror_postgres_up',
    '1 if Postgres answered, else 0. If 0, all metrics of pools are missing.',
  );
  const queryErrors = new Counter({
    name: 'cognito_mirror_pool_query_errors_total',
    help: 'Queries for the metrics of pools that failed while Postgres was reachable. The log has the error.',
    registers: [registry],
  });
  const late = gauge(
    'cognito_mirror_pool_late',
    '1 if the newest snapshot is older than the schedule allows, else 0.',
    'pool_id',
  );
  const vanished = gauge(
    'cognito_mirror_pool_vanished',
    '1 if COGNITO_POOLS=all had listed the pool and it is gone, else 0.',
    'pool_id',
  );
  const scheduled = gauge(
    'cognito_mirror_pool_scheduled',
    '1 if a schedule mirrors the pool, else 0.',
    'pool_id',
  );
  const snapshots = gauge('cognito_mirror_snapshots', 'Snapshots by state.', 'pool_id', 'state');
  const requests = gauge(
    'cognito_mirror_requests_ended',
    'Ended requests for a snapshot that the database still keeps.',
    'pool_id',
    'outcome',
  );
  const age = gauge(
    'cognito_mirror_snapshot_age_seconds',
    'Time since the newest published or archived snapshot started; +Inf without one.',
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
    '1 if the last attempt to mirror the pool ended with an archived snapshot, else 0.',
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
    'Rows of directory.users that the newest published snapshot repaired after another program changed them.',
    'pool_id',
  );
  const mfaUsers = gauge(
    'cognito_mirror_mfa_users',
    'Users of the newest published snapshot whose MFA state is known or unknown, if it is read.',
    'pool_id',
    'state',
  );
  const stageBytes = gauge(
    'cognito_mirror_stage_bytes',
    'Size on disk of the stage of the open snapshot; 0 without one.',
    'pool_id',
  );
  const waitingObjects = gauge(
    'cognito_mirror_erasure_waiting_objects',
    'Objects of the archive that held forgotten persons and stay until their Object Lock ends.',
    'pool_id',
  );
  const verifyFindings = gauge(
    'cognito_mirror_verify_findings',
    'What the last verification of the archive found to be wrong.',
    'pool_id',
  );
  const verifyCompletedAt = gauge(
    'cognito_mirror_verify_completed_timestamp_seconds',
    'When the last verification of the archive was completed, in seconds since 1970; 0 before the first.',
    'pool_id',
  );
  const verifiedAt = gauge(
    'cognito_mirror_verify_verified_timestamp_seconds',
    'Everything that was archived before this time was read after it, in seconds since 1970.',
    'pool_id',
  );
  const workers = gauge(
    'cognito_mirror_workers',
    'Workers by state, as all of them see it in Postgres.',
    'state',
  );
  const gauges = [
    workers,
    scheduled,
    late,
    vanished,
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
    mfaUsers,
    stageBytes,
    waitingObjects,
    verifyFindings,
    verifyCompletedAt,
    verifiedAt,
  ];

  const setPool = (pool: PoolMetrics) => {
    const pool_id = pool.poolId;
    scheduled.set({ pool_id }, pool.scheduled ? 1 : 0);
    late.set({ pool_id }, pool.late ? 1 : 0);
    vanished.set({ pool_id }, pool.vanished ? 1 : 0);
    for (const [state, count] of Object.entries(pool.snapshots)) {
      snapshots.set({ pool_id, state }, count);
    }
    for (const [outcome, count] of Object.entries(pool.requests)) {
      requests.set({ pool_id, outcome }, count);
    }
    // +Inf without a snapshot, so that one alert covers stale and missing snapshots.
    age.set({ pool_id, state: 'published' }, pool.publishedAge ?? Number.POSITIVE_INFINITY);
    age.set({ pool_id, state: 'archived' }, pool.archivedAge ?? Number.POSITIVE_INFINITY);
    stageBytes.set({ pool_id }, pool.stageBytes);
    waitingObjects.set({ pool_id }, pool.waitingObjects);
    if (pool.lastAttempt !== null) {
      attemptedAt.set({ pool_id }, pool.lastAttempt.endedAt);
      attemptSucceeded.set({ pool_id }, pool.lastAttempt.succeeded ? 1 : 0);
    }
    if (pool.verification !== null) {
      const { findings, completedAt, coveredSince } = pool.verification;
      verifyFindings.set({ pool_id }, findings);
      verifyCompletedAt.set({ pool_id }, completedAt);
      if (coveredSince !== null) verifiedAt.set({ pool_id }, coveredSince);
    }
    if (pool.newest === null) return;
    users.set({ pool_id }, pool.newest.users);
    groups.set({ pool_id }, pool.newest.groups);
    memberships.set({ pool_id }, pool.newest.memberships);
    for (const kind of ['added', 'modified', 'removed'] as const) {
      changedUsers.set({ pool_id, kind }, pool.newest[kind]);
    }
    repairedUsers.set({ pool_id }, pool.newest.repaired);
    const { users: all, mfaKnown: known } = pool.newest;
    if (known === null) return;
    mfaUsers.set({ pool_id, state: 'known' }, known);
    mfaUsers.set({ pool_id, state: 'unknown' }, all - known);
  };
  return {
    recordQueryError: () => queryErrors.inc(),
    set(directory) {
      up.set(directory === null ? 0 : 1);
      for (const each of gauges) each.reset();
      for (const pool of directory?.pools ?? []) setPool(pool);
      for (const [state, count] of Object.entries(directory?.workers ?? {})) {
        workers.set({ state }, count);
      }
    },
  };
}
