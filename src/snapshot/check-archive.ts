import type pg from 'pg';
import { findChainPosition } from '../archive/chain.ts';
import type { Destination } from '../archive/destination.ts';
import { ResumableError } from '../model/errors.ts';
import { lastArchived, nextToArchive } from '../postgres/state/archived.ts';
import type { Logger } from '../telemetry/logger.ts';

/**
 * Checks, before a pool is read, that its archive can go on: one listing of its manifests, and the
 * last of them. Where the destination fails for now, it only warns: Postgres gets its snapshot, which
 * is archived later.
 *
 * @throws ConfigurationError where the last manifest is broken, missing, of the future or of a newer
 *   program, or is not the one that the database knows.
 */
export async function checkArchive(
  { db, destination, log }: CheckParts,
  poolId: string,
  signal: AbortSignal,
): Promise<void> {
  const snapshot = await nextToArchive(db, poolId);
  const known = await lastArchived(db, poolId, destination.url);
  try {
    await findChainPosition(destination, { poolId, snapshot, known }, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ResumableError)) throw error;
    log.warn(
      { poolId, reason: error.message },
      'the archive could not be checked, the snapshot is taken all the same',
    );
  }
}

interface CheckParts {
  readonly db: pg.Pool;
  readonly destination: Destination;
  readonly log: Logger;
}
