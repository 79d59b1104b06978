import type pg from 'pg';
import type { ArchiveResult } from '../archive/write-archive.ts';
import { formatCommand } from '../common/command.ts';
import { LeaseLostError, SnapshotFailedError } from '../model/errors.ts';
import type { ArchiveHead, Outcome, SnapshotState } from '../model/snapshot.ts';
import { describeSafely, isTemporaryDatabaseError } from '../postgres/database-error.ts';
import type { SnapshotLease } from '../postgres/store/leases.ts';
import { saveAttempt } from '../postgres/store/pool-status.ts';
import { recordReason } from '../postgres/store/snapshot-notes.ts';
import type { SnapshotRow } from '../postgres/store/snapshots.ts';
import { failSnapshot } from '../postgres/store/transitions.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RunEnd } from '../telemetry/tracing.ts';

/** Where an outcome is recorded, and logged if that fails. */
interface Records {
  readonly db: pg.Pool;
  readonly log: Logger;
}

/**
 * Records in Postgres how the attempt to mirror a pool ended, even if it started no snapshot.
 *
 * @param why its error or reason; null if it succeeded.
 */
export async function saveOutcome(
  { db, log }: Records,
  poolId: string,
  { outcome, snapshot, why }: { outcome: Outcome; snapshot: string | null; why: unknown },
): Promise<void> {
  const reason = outcome === 'interrupted' ? null : explainOutcome(why);
  try {
    await saveAttempt(db, poolId, { outcome, snapshot, reason });
  } catch (error) {
    logUnrecorded(log, poolId, error);
  }
}

/** Records in a snapshot's row why it stopped: it failed, or it can be resumed. */
export async function recordFailure(
  { db, lease, log }: Records & { readonly lease: SnapshotLease },
  error: Error,
): Promise<void> {
  try {
    if (error instanceof SnapshotFailedError) await failSnapshot(db, lease, error.message);
    else await recordReason(db, lease, describeSafely(error));
  } catch (unrecorded) {
    logUnrecorded(log, lease.poolId, unrecorded);
  }
}

/** A lost Postgres is reported by the work that needs it, and a lost lease by its new holder. */
function logUnrecorded(log: Logger, poolId: string, error: unknown): void {
  const isKnown = isTemporaryDatabaseError(error) || error instanceof LeaseLostError;
  const reason = explainOutcome(error);
  log[isKnown ? 'debug' : 'warn']({ poolId, reason }, 'could not record how a run ended');
}

/** Why an attempt ended, in a text that may be printed, logged and stored. */
export function explainOutcome(why: unknown): string | null {
  return why === null || typeof why === 'string' ? why : describeSafely(why);
}

const LEVELS = { archived: 'info', held: 'warn', interrupted: 'warn', failed: 'error' } as const;

/**
 * Logs how the run of a pool ended, in one line: `snapshot archived`, `held`, `failed` or
 * `interrupted`, with the fields of `sync --json`. That of a held one has the commands for a person.
 */
export function logOutcome(log: Logger, outcome: Outcome, report: SnapshotReport): void {
  const { poolId, snapshot } = report;
  const commands = outcome === 'held' && {
    toCompare: formatCommand(['diff', poolId, 'latest', 'held']),
    toPublish: formatCommand(['release', `${poolId}/${snapshot}`]),
    toDiscard: formatCommand(['discard', `${poolId}/${snapshot}`]),
  };
  log[LEVELS[outcome]]({ ...report, ...commands }, `snapshot ${outcome}`);
}

/** What the trace of a run says at its end. */
export function toTraceEnd(outcome: Outcome, report: SnapshotReport): RunEnd {
  const { snapshot, users, groups, memberships, apiCalls, throttled, retries } = report;
  const known = { snapshot, users, groups, memberships, calls: apiCalls, throttled, retries };
  const attributes = Object.entries(known).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  return {
    outcome,
    seconds: report.seconds,
    failure: outcome === 'failed' ? (report.reason ?? '') : null,
    attributes: Object.fromEntries(attributes),
  };
}

/** What a report takes from the snapshot's row. */
type Reported = Pick<
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
  | 'settings'
  | 'settingsUnread'
>;

/** The result of one run on a pool's snapshot, in the form of `sync --json`. */
export interface SnapshotReport extends Reported {
  readonly poolId: string;
  /** The snapshot's id; null if the run failed before it started one. */
  readonly snapshot: string | null;
  readonly state: SnapshotState | null;
  readonly reason: string | null;
  /** How long the run took. */
  readonly seconds: number;
  /** Null if the run sealed no archive of this snapshot. */
  readonly archive: {
    readonly manifest: string;
    readonly objects: number;
    readonly bytes: number;
    readonly head: ArchiveHead;
  } | null;
}

/** Builds the report of a run from the row of its snapshot, which is null if it started no snapshot. */
export function buildReport(
  poolId: string,
  row: SnapshotRow | null,
  run: Pick<SnapshotReport, 'seconds' | 'reason'> & { readonly archive: ArchiveResult | null },
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
    settings: row?.settings ?? null,
    settingsUnread: row?.settingsUnread ?? null,
    seconds: run.seconds,
    archive: run.archive && row && reportArchive(run.archive, row),
  };
}

function reportArchive(
  { manifest, objects, bytes, snapshots, manifestSha256: sha256 }: ArchiveResult,
  { snapshot }: SnapshotRow,
): SnapshotReport['archive'] {
  return { manifest, objects, bytes, head: { snapshots, snapshot, sha256 } };
}
