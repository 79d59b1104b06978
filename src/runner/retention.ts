import type pg from 'pg';
import type { Destination } from '../archive/destination.ts';
import type { KeepRule } from '../config/keep-rule.ts';
import type { ArchiveLock } from '../model/object-lock.ts';
import { readInstallationId } from '../postgres/coordination/workers.ts';
import { describeSafely } from '../postgres/database-error.ts';
import { markArchivesRemoved } from '../postgres/store/archived.ts';
import { type PoolPruning, type PrunedSnapshot, pruneArchive } from '../retention/prune-archive.ts';
import type { Signer } from '../signature/signer.ts';
import { requireKnownArchive } from '../snapshot/archive.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { WorkRecorder } from '../telemetry/metrics-work.ts';
import { withPoolLock } from './pool-lock.ts';

/** What retention needs to prune the archive of a pool. */
export interface RetentionContext {
  readonly db: pg.Pool;
  readonly destination: Destination;
  /** Signs the removals. Null: they get no signatures. */
  readonly signer: Signer | null;
  /** How long the removals are locked (S3 Object Lock). Null: they are not. */
  readonly lock: ArchiveLock | null;
  /** The program and its version, for the removals. */
  readonly program: string;
  readonly workFolder: string;
  /** Gets what was removed; absent if this process serves no metrics. */
  readonly metrics?: WorkRecorder | undefined;
  readonly log: Logger;
}

/**
 * Applies retention after a snapshot was sealed. It never throws: the snapshot is complete, and the next
 * one tries again what failed.
 *
 * @param rule null keeps everything.
 */
export async function retain(
  context: RetentionContext & { readonly rule: KeepRule | null },
  poolId: string,
  signal: AbortSignal,
): Promise<void> {
  const { rule, metrics, log } = context;
  if (rule === null) return;
  try {
    const { snapshots } = await prune(context, poolId, { rule, dryRun: false }, signal);
    const failed = snapshots.some(({ outcome }) => outcome === 'failed');
    metrics?.recordRetention(failed ? 'failed' : 'completed');
  } catch (error) {
    if (signal.aborted) return;
    metrics?.recordRetention('failed');
    const reason = describeSafely(error);
    log.warn({ poolId, reason }, 'retention failed; the next snapshot tries again');
  }
}

/** What `prune` does to a pool. */
export interface PruneRequest {
  readonly rule: KeepRule;
  /** True: nothing is written or deleted. */
  readonly dryRun: boolean;
}

/**
 * Prunes the archive of one pool for a person, with the pool's lock.
 *
 * @throws ActionRequiredError if the archive is not as the database knows it, or its removals could not
 *   be signed; ResumableError if another run mirrors the pool.
 */
export async function prunePool(
  context: RetentionContext & { readonly databaseUrl: string },
  poolId: string,
  request: PruneRequest,
  signal: AbortSignal,
): Promise<PoolPruning> {
  await requireKnownArchive(context, poolId, signal);
  if (request.dryRun) return prune(context, poolId, request, signal);
  return withPoolLock(context, poolId, signal, (stop) => prune(context, poolId, request, stop));
}

async function prune(
  { db, destination, signer, lock, program, workFolder, metrics, log }: RetentionContext,
  poolId: string,
  { rule, dryRun }: PruneRequest,
  signal: AbortSignal,
): Promise<PoolPruning> {
  const owner = await readInstallationId(db);
  const removed: string[] = [];
  const onSnapshot = (pruned: PrunedSnapshot) => {
    if (dryRun) return;
    logPruned(log, poolId, pruned);
    if (pruned.outcome !== 'removed') return;
    removed.push(pruned.snapshot);
    metrics?.recordRemoval(pruned.bytes ?? 0);
  };
  const options = { rule, dryRun, owner, signer, lock, program, workFolder, onSnapshot, signal };
  try {
    const pruning = await pruneArchive(destination, poolId, options);
    if (!dryRun) removed.push(...pruning.removedBefore);
    return pruning;
  } finally {
    if (removed.length > 0) await markArchivesRemoved(db, poolId, destination.url, removed);
  }
}

function logPruned(log: Logger, poolId: string, pruned: PrunedSnapshot): void {
  const { snapshot, outcome, objects, bytes, lockedUntil, problem } = pruned;
  switch (outcome) {
    case 'removed':
      log.info({ poolId, snapshot, objects, bytes }, 'archive of a snapshot removed');
      break;
    case 'locked':
      log.debug({ poolId, snapshot, lockedUntil }, 'archive of a snapshot is locked');
      break;
    case 'failed':
      log.warn({ poolId, snapshot, reason: problem }, 'archive of a snapshot not removed');
  }
}
