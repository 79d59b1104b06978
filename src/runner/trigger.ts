import type pg from 'pg';
import { ActionRequiredError } from '../model/errors.ts';
import { findOpenRequestForPool, openRequest } from '../postgres/coordination/requests.ts';
import { listSchedules } from '../postgres/coordination/schedules.ts';
import { countLiveWorkers } from '../postgres/coordination/workers.ts';

/** The answer to a request for a snapshot. */
export interface Triggered {
  readonly poolId: string;
  /** The open request; null if it has ended since. */
  readonly id: number | null;
  /** False if the pool had an open request already. */
  readonly accepted: boolean;
  /** How many workers are alive. */
  readonly workers: number;
}

/**
 * Requests a snapshot of a pool from the workers.
 *
 * @throws ActionRequiredError if no worker mirrors the pool.
 */
export async function trigger(db: pg.Pool, poolId: string): Promise<Triggered> {
  const schedules = await listSchedules(db);
  if (!schedules.some((schedule) => schedule.poolId === poolId)) {
    throw new ActionRequiredError([
      {
        subject: poolId,
        problem: 'the workers do not mirror this pool.',
        remedy:
          'Add it to their COGNITO_POOLS or to the file of MIRROR_CONFIG, and restart a worker.',
      },
    ]);
  }
  const opened = await openRequest(db, poolId, 'trigger');
  const open = opened ?? (await findOpenRequestForPool(db, poolId));
  return {
    poolId,
    id: open?.id ?? null,
    accepted: opened !== null,
    workers: await countLiveWorkers(db),
  };
}
