import { openDedicatedSession } from '../session/dedicated.ts';

/** A pool id that no other process uses until it is released. */
export interface PoolReservation {
  readonly poolId: string;
  /** The number of the candidate, from 0. */
  readonly index: number;
  release(): Promise<void>;
}

/**
 * Reserves the first candidate that the mirror does not know and that no other process has reserved. It is
 * for simulated pools: each starts with new content, which would look like a change of a known pool.
 */
export async function reservePoolId(
  url: string,
  candidate: (index: number) => string,
): Promise<PoolReservation> {
  // A demo that loses its reservation continues: another demo is unlikely to take the same id.
  const { session, release } = await openDedicatedSession(
    url,
    'cognito-mirror reservation',
    () => {},
  );
  try {
    for (let index = 0; ; index++) {
      const poolId = candidate(index);
      const found = await session.query<{ reserved: boolean }>(
        `SELECT NOT EXISTS (SELECT FROM directory.pools WHERE pool_id = $1)
           AND pg_try_advisory_lock(hashtext('cognito-mirror pool'), hashtext($1)) AS reserved`,
        [poolId],
      );
      if (found.rows[0]?.reserved) return { poolId, index, release };
    }
  } catch (error) {
    await release();
    throw error;
  }
}
