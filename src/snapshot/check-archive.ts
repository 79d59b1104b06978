import type pg from 'pg';
import { findChainPosition } from '../archive/chain.ts';
import type { Destination } from '../archive/destination.ts';
import { lastArchived, nextToArchive } from '../postgres/state/archived.ts';

/**
 * Checks, before a pool is read, that its archive can go on: one listing of its manifests, and the
 * last of them.
 *
 * @throws ConfigurationError where the last manifest is broken, missing, of the future or of a newer
 *   program, or is not the one that the database knows.
 */
export async function checkArchive(
  { db, destination }: { readonly db: pg.Pool; readonly destination: Destination },
  poolId: string,
  signal: AbortSignal,
): Promise<void> {
  const snapshot = await nextToArchive(db, poolId);
  const known = await lastArchived(db, poolId, destination.url);
  await findChainPosition(destination, { poolId, snapshot, known }, signal);
}
