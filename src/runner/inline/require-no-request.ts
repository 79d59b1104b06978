import type pg from 'pg';
import { commandLine } from '../../config/command-line.ts';
import { ResumableError } from '../../model/errors.ts';
import { endRequest, openRequestOf } from '../../postgres/state/requests.ts';
import { endTransactionsOfLost, workersAlive } from '../../postgres/state/workers.ts';

/**
 * Sees to it that no worker is taking a snapshot of a pool that an inline run has locked. What
 * workers that are gone left open is ended: this run goes on with it.
 *
 * @throws ResumableError where workers are at it.
 */
export async function requireNoRequest(db: pg.Pool, poolId: string): Promise<void> {
  const request = await openRequestOf(db, poolId);
  if (request === null) return;
  if ((await workersAlive(db)) > 0) {
    throw new ResumableError(
      `The workers are taking a snapshot of ${poolId}: \`${commandLine(['status', poolId])}\` shows how far it is. Run this again once it has ended.`,
    );
  }
  await endTransactionsOfLost(db);
  await endRequest(db, request.id, 'skipped', 'No worker was alive: `sync` took it up.');
}
