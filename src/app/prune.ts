import { PROGRAM } from '../config/config.ts';
import { KEEP_REMEDY } from '../config/keep-rule.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { withoutRows } from '../postgres/database-error.ts';
import { listExpectedPools } from '../postgres/store/pools.ts';
import type { PoolPruning } from '../retention/prune-archive.ts';
import { prunePool } from '../runner/retention.ts';
import type { Signer } from '../signature/signer.ts';
import { allOrProblems, workFolder } from './open-archives.ts';
import type { MirrorDatabase } from './open-database.ts';
import type { Resources } from './resources.ts';

/** What became of the archive of one pool, or the error that stopped its pruning. */
export interface PruneOutcome {
  readonly poolId: string;
  readonly pruning: PoolPruning | null;
  readonly error: Error | null;
}

/**
 * Prunes the archives of pools, one after the other. `all` means those of the database.
 *
 * @throws ActionRequiredError with everything that is wrong before a pool is pruned
 */
export async function prunePools(
  resources: Resources,
  pools: readonly string[] | 'all',
  dryRun: boolean,
  signal: AbortSignal,
): Promise<PruneOutcome[]> {
  const { config, log } = resources;
  const { archiveKeep: rule } = config;
  if (rule === null) {
    const problem = 'is not set, so every snapshot is kept.';
    throw ActionRequiredError.of('ARCHIVE_KEEP', problem, KEEP_REMEDY);
  }
  const [{ db, databaseUrl }, signer] = await allOrProblems<[MirrorDatabase, Signer | null]>(
    resources.requireDatabase(signal),
    resources.signer(signal),
  );
  const poolIds = pools === 'all' ? await listExpectedPools(db) : pools;
  const outcomes: PruneOutcome[] = [];
  for (const poolId of poolIds) {
    try {
      const { destination, archiveLock: lock } = await resources.poolDeps(poolId);
      // It also finds out in which forms the server takes requests.
      if (!dryRun) await destination.check(signal, lock?.mode ?? null);
      const context = {
        db,
        databaseUrl,
        destination,
        signer,
        lock,
        program: PROGRAM,
        workFolder: workFolder(config),
        log,
      };
      const pruning = await prunePool(context, poolId, { rule, dryRun }, signal);
      outcomes.push({ poolId, pruning, error: null });
    } catch (error) {
      signal.throwIfAborted();
      outcomes.push({ poolId, pruning: null, error: withoutRows(error as Error) });
    }
  }
  return outcomes;
}
