import type pg from 'pg';
import { MirrorError, SnapshotFailedError } from '../model/errors.ts';
import type { Outcome, SnapshotState } from '../model/snapshot.ts';
import { withoutRows } from '../postgres/database-error.ts';
import type { SnapshotLease } from '../postgres/store/leases.ts';
import { saveAttempt } from '../postgres/store/pool-status.ts';
import { recordReason } from '../postgres/store/snapshot-notes.ts';
import type { SnapshotRow } from '../postgres/store/snapshots.ts';
import { failSnapshot } from '../postgres/store/transitions.ts';
import type { Logger } from '../telemetry/logger.ts';

/**
 * Records in Postgres how the attempt to mirror a pool ended, also one that began no snapshot. Where
 * Postgres itself is away, the log alone has it.
 *
 * @param why its error or reason; null where it succeeded
 */
export async function saveOutcome(
  db: pg.Pool,
  poolId: string,
  { outcome, snapshot, why }: { outcome: Outcome; snapshot: string | null; why: unknown },
): Promise<void> {
  const reason = outcome === 'interrupted' ? null : explainOutcome(why);
  await saveAttempt(db, poolId, { outcome, snapshot, reason }).catch(() => {});
}

/**
 * Why an attempt ended, in words that may be printed, logged and kept. Of errors that are not our own
 * the name alone is kept, as their texts can quote anything.
 */
export function explainOutcome(why: unknown): string | null {
  if (why === null || typeof why === 'string') return why;
  const known = withoutRows(why instanceof Error ? why : new Error('unknown'));
  if (known instanceof MirrorError) return known.message;
  return `It failed unexpectedly (${known.name}). The log has the error.`;
}

const LEVELS = { archived: 'info', held: 'warn', interrupted: 'warn', failed: 'error' } as const;

/**
 * Logs how the run of a pool ended, in one line: `snapshot archived`, `held`, `failed` or
 * `interrupted`, with what `sync --json` prints of it.
 */
export function logOutcome(log: Logger, outcome: Outcome, report: SnapshotReport): void {
  log[LEVELS[outcome]](report, `snapshot ${outcome}`);
}

/**
 * Leaves word in a snapshot's row of what stopped it: it failed, or it can be resumed. Where
 * Postgres itself is the trouble, that cannot be done.
 */
export async function recordFailure(
  db: pg.Pool,
  lease: SnapshotLease,
  error: Error,
): Promise<void> {
  const noted =
    error instanceof SnapshotFailedError
      ? failSnapshot(db, lease, error.message)
      : recordReason(db, lease, error.message);
  await noted.catch(() => {});
}

/** What the row of a snapshot tells of it, where there is one. */
type Told = Pick<
  SnapshotRow,
  | 'users'
  | 'groups'
  | 'memberships'
  | 'added'
  | 'modified'
  | 'removed'
  | 'repaired'
  | 'apiCalls'
  | 'throttled'
  | 'retries'
>;

/** What one run made of a pool's snapshot: the form of `sync --json`. */
export interface SnapshotReport extends Told {
  readonly poolId: string;
  /** The snapshot's id; null where the run failed before one was begun. */
  readonly snapshot: string | null;
  readonly state: SnapshotState | null;
  readonly reason: string | null;
  /** How long the run took. */
  readonly seconds: number;
  readonly archive: { manifest: string; objects: number; bytes: number } | null;
}

/** A report of a snapshot as it stands in Postgres, or of a run that came to none. */
export function buildReport(
  poolId: string,
  row: SnapshotRow | null,
  run: Pick<SnapshotReport, 'seconds' | 'archive'> & { reason: string | null },
): SnapshotReport {
  return {
    poolId,
    snapshot: row?.snapshot ?? null,
    state: row?.state ?? null,
    reason: run.reason ?? row?.reason ?? null,
    users: row?.users ?? null,
    groups: row?.groups ?? null,
    memberships: row?.memberships ?? null,
    added: row?.added ?? null,
    modified: row?.modified ?? null,
    removed: row?.removed ?? null,
    repaired: row?.repaired ?? null,
    apiCalls: row?.apiCalls ?? 0,
    throttled: row?.throttled ?? 0,
    retries: row?.retries ?? 0,
    seconds: run.seconds,
    archive: run.archive && {
      manifest: run.archive.manifest,
      objects: run.archive.objects,
      bytes: run.archive.bytes,
    },
  };
}
