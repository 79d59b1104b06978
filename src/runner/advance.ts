import type { ArchiveResult } from '../archive/write-archive.ts';
import type { Pool } from '../model/directory.ts';
import { ResumableError } from '../model/errors.ts';
import { snapshotId } from '../model/snapshot.ts';
import { removeLeftovers } from '../postgres/coordination/leftovers.ts';
import type { SnapshotLease } from '../postgres/store/leases.ts';
import { beginProgress } from '../postgres/store/progress.ts';
import { recordReason } from '../postgres/store/snapshot-notes.ts';
import {
  findSnapshot,
  findUnfinishedArchive,
  type SnapshotRow,
} from '../postgres/store/snapshots.ts';
import { dropEndedStages, explainStageGone } from '../postgres/store/stage.ts';
import {
  beginSnapshot,
  holdSnapshot,
  type StartedSnapshot,
} from '../postgres/store/transitions.ts';
import { clearFailures, type Walk } from '../postgres/store/walks.ts';
import { archivePublished, checkArchive } from '../snapshot/archive.ts';
import { check, type Verdict } from '../snapshot/check.ts';
import { type SnapshotContext, withProgress } from '../snapshot/context.ts';
import { planWalks } from '../snapshot/plan-walks.ts';
import { publish } from '../snapshot/publish.ts';
import { readMfa } from '../snapshot/read-mfa.ts';
import { LOG_SCOPE, type Logger } from '../telemetry/logger.ts';
import { finishErasures } from './finish-erasures.ts';
import { reapplyErasures } from './reapply-erasures.ts';
import { retain } from './retention.ts';
import type { SnapshotSession } from './session.ts';

/** The one machine that moves a snapshot through its states; runners only read the walks it names. */

/** Up to this much is the rounding of snapshots in quick succession, and not a wrong clock. */
const TOLERATED_SECONDS_AHEAD = 60;

/**
 * Chooses the session's snapshot at the start of a run: an unfinished one, or a new one.
 *
 * @param finishArchive true: a snapshot of the last 12 hours that only lacks its archive is chosen
 *   instead of a new one.
 */
export async function begin(
  session: SnapshotSession,
  { finishArchive }: { finishArchive: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { pool, settings, log } = session;
  const { db } = session.deps;
  const { poolId } = pool;
  await removeLeftovers(db, poolId);
  const unfinished = finishArchive ? await findUnfinishedArchive(db, poolId) : null;
  if (unfinished !== null) {
    session.choose(unfinished.snapshotAt, { resumed: true });
    return;
  }
  await checkArchive({ db, destination: settings.destination, log }, poolId, signal);
  const { destination, privacy } = settings;
  await reapplyErasures({ db, destination, privacy, log }, poolId, signal);
  const logged = await session.expectsLongWalks();
  const started = await beginSnapshot(db, poolId, session.privacy, logged);
  session.choose(started.lease.snapshotAt, started);
  session.useLease(started.lease);
  await dropEndedStages(db);
  await beginProgress(db, started.lease);
  // Walks that failed in an earlier run are tried again.
  await clearFailures(db, started.lease);
  await recordReason(db, started.lease, null);
  logStart(session.log, started, pool);
}

function logStart(log: Logger, started: StartedSnapshot, pool: Pool): void {
  const { lease, resumed, drifted, secondsAhead } = started;
  const { poolId, snapshotAt } = lease;
  log.info({ poolId, snapshotAt }, resumed ? 'snapshot resumed' : 'snapshot started');
  if (started.rulesChanged || (!resumed && lease.comparedWith === null)) {
    logRules(log, lease, pool);
  }
  if (drifted > 0) {
    log.warn(
      { poolId, rows: drifted },
      'something other than cognito-mirror changed rows of directory.users: this snapshot repairs them',
    );
  }
  if (secondsAhead > TOLERATED_SECONDS_AHEAD) {
    log.warn(
      { poolId, snapshotAt, secondsAhead: Math.round(secondsAhead) },
      "the snapshot's time is in the future, because Postgres's clock was ahead at an earlier snapshot: see docs/OPERATIONS.md, A clock that was ahead",
    );
  }
}

/** Says once what new rules do: in the first snapshot of a pool, and in the first one after a change. */
function logRules(log: Logger, { poolId, privacy, comparedWith }: SnapshotLease, pool: Pool): void {
  if (comparedWith !== null) {
    const { omitted = [], hashed = {} } = privacy ?? {};
    log.warn(
      { poolId, omitted, hashed: Object.keys(hashed) },
      'the privacy rules changed: this snapshot rewrites every user that they concern. Earlier versions and archives stay as they are: see docs/PRIVACY.md',
    );
  }
  if (privacy === null) return;
  const named = [...privacy.omitted, ...Object.keys(privacy.hashed)];
  const unknown = named.filter(
    (name) => name.includes(':') && !pool.customAttributes.includes(name),
  );
  if (unknown.length > 0) {
    log.warn({ poolId, unknown }, 'the privacy rules name attributes that the pool does not have');
  }
  if (privacy.omitted.includes('email')) {
    log.warn(
      { poolId },
      'e-mail addresses are left out: no user can be found by one, only by username and sub. Hash them to keep the search',
    );
  }
}

/** What a runner does next: read walks and advance again, or end. */
export type NextMove =
  | { readonly kind: 'read'; readonly walks: readonly Walk[]; readonly context: SnapshotContext }
  | {
      readonly kind: 'archived' | 'held';
      readonly snapshot: SnapshotRow;
      /** Null if this run did not write it. */
      readonly archive: ArchiveResult | null;
    }
  /** Another process ended it. */
  | { readonly kind: 'ended'; readonly snapshot: SnapshotRow | null };

/** A walk failed at every attempt. The others were read, and a new run tries it again. */
export class WalkFailedError extends ResumableError {}

/**
 * Moves the session's snapshot as far as it can: plans its walks, checks, publishes or holds it, and
 * archives it. All it knows is in Postgres, so any process may call it at any time.
 *
 * @throws SnapshotFailedError if the snapshot cannot be completed; any other error keeps it.
 * @throws WalkFailedError if a walk failed.
 * @throws LeaseLostError if another runner has the snapshot.
 */
export function advance(session: SnapshotSession, signal: AbortSignal): Promise<NextMove> {
  return LOG_SCOPE.run(session.log, () => moveOn(session, signal));
}

async function moveOn(session: SnapshotSession, signal: AbortSignal): Promise<NextMove> {
  const { poolId, snapshotAt } = session.requireKey();
  const { db } = session.deps;
  let archive: ArchiveResult | null = null;
  for (;;) {
    const snapshot = await findSnapshot(db, poolId, snapshotAt);
    switch (snapshot?.state) {
      case 'walking': {
        const context = await session.takeLease();
        if (context === null) break;
        const walks = await findWalks(session, context, signal);
        if (walks.length === 0) break;
        session.progress.phase = 'walk';
        return { kind: 'read', walks, context };
      }
      case 'published':
        await session.dropLease();
        archive = await archiveAll(session, snapshotAt, signal);
        break;
      case 'held':
        await session.dropLease();
        // Older snapshots may still lack their archive.
        await archiveAll(session, snapshotAt, signal);
        return { kind: 'held', snapshot, archive };
      case 'archived':
        // A run that was killed after it sealed the archive may have left objects unlocked.
        if (archive === null) await archiveAll(session, snapshotAt, signal);
        return { kind: 'archived', snapshot, archive };
      default:
        return { kind: 'ended', snapshot };
    }
  }
}

/** The walks to read. An empty list means that the snapshot was published or held. */
async function findWalks(
  session: SnapshotSession,
  context: SnapshotContext,
  signal: AbortSignal,
): Promise<readonly Walk[]> {
  const open = await findOpenWalks(context);
  if (open.length > 0) return open;
  return withProgress(context, async () => {
    const verdict = await checkReads(session, context, signal);
    switch (verdict.kind) {
      case 'walk':
        return verdict.walks;
      case 'hold':
        await holdSnapshot(context.db, context.lease, verdict.reason);
        return [];
      case 'publish':
        if (session.settings.mfaBudget !== null) {
          await readMfa(context, session.settings.mfaBudget, signal);
        }
        await publish(context, 'walking', session.deps.historyDays, signal);
        return [];
    }
  });
}

/** The walks that are still to be read. Throws WalkFailedError if one failed. */
export async function findOpenWalks(context: SnapshotContext): Promise<readonly Walk[]> {
  const open = await planWalks(context);
  const failed = open.find((walk) => walk.failure !== null);
  if (failed) throw new WalkFailedError(failed.failure ?? '');
  return open;
}

/** Checks what was read, by the settings of the pool. */
export function checkReads(
  { settings }: SnapshotSession,
  context: SnapshotContext,
  signal: AbortSignal,
): Promise<Verdict> {
  return check(context, settings.maxRemoved, signal).catch((error: unknown) => {
    throw explainStageGone(error, context.lease);
  });
}

/**
 * Archives every snapshot of the pool that lacks its archive, and applies retention if it sealed one.
 *
 * @returns the archive of this snapshot.
 */
async function archiveAll(
  { deps, settings, progress, pool, log }: SnapshotSession,
  snapshotAt: Date,
  signal: AbortSignal,
): Promise<ArchiveResult | null> {
  const { db, formats, signer, program, workFolder, keep: rule, metrics } = deps;
  const { destination, archiveLock: lock } = settings;
  const writing = { destination, formats, lock, signer, program, workFolder };
  const context = { ...writing, db, privacy: settings.privacy, progress, log };
  const sealed = await archivePublished(context, pool.poolId, signal);
  if (sealed.size > 0) {
    await finishErasures(context, pool.poolId, signal);
    await retain({ ...context, rule, metrics }, pool.poolId, signal);
  }
  return sealed.get(snapshotId(snapshotAt)) ?? null;
}
