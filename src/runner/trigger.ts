import type pg from 'pg';
import { ActionRequiredError } from '../model/errors.ts';
import { findOpenRequestForPool, openRequest } from '../postgres/work/requests.ts';
import { listSchedules } from '../postgres/work/schedules.ts';
import { countLiveWorkers } from '../postgres/work/workers.ts';

/** What came of asking for a snapshot. */
export interface Triggered {
  readonly poolId: string;
  /** The request that is open now; null where it has ended meanwhile. */
  readonly id: number | null;
  /** False where one was in progress already. */
  readonly accepted: boolean;
  /** How many workers are alive. */
  readonly workers: number;
}

/**
 * Asks the workers for a snapshot of a pool now.
 *
 * @throws ConfigurationError where no worker mirrors the pool.
 */
export async function trigger(db: pg.Pool, poolId: string): Promise<Triggered> {
  const schedules = await listSchedules(db);
  if (!schedules.some((schedule) => schedule.poolId === poolId)) {
    throw new ActionRequiredError([
      {
        subject: poolId,
        problem: 'the workers do not mirror this pool.',
        remedy:
          'Add it to their COGNITO_POOLS, or to the file of MIRROR_CONFIG, and start one again.',
      },
    ]);
  }
  const asked = await openRequest(db, poolId, 'trigger');
  const open = asked ?? (await findOpenRequestForPool(db, poolId));
  return {
    poolId,
    id: open?.id ?? null,
    accepted: asked !== null,
    workers: await countLiveWorkers(db),
  };
}
