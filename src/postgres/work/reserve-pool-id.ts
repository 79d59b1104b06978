import { openDedicatedSession } from '../session/dedicated.ts';

/** A pool id that was claimed for as long as the claim is held. */
export interface PoolReservation {
  readonly poolId: string;
  /** Which of the candidates it is, from 0. */
  readonly index: number;
  release(): Promise<void>;
}

/**
 * Claims the first candidate that the mirror has never seen and that no one else has claimed: for
 * simulated pools, which begin anew each time and would read as a pool that was turned back.
 */
export async function reservePoolId(
  url: string,
  candidate: (index: number) => string,
): Promise<PoolReservation> {
  // A demo that loses its claim goes on: no other is likely to take the same pool meanwhile.
  const { session, release } = await openDedicatedSession(url, 'cognito-mirror claim', () => {});
  try {
    for (let index = 0; ; index++) {
      const poolId = candidate(index);
      const claim = await session.query<{ claimed: boolean }>(
        `SELECT NOT EXISTS (SELECT FROM directory.pools WHERE pool_id = $1)
           AND pg_try_advisory_lock(hashtext('cognito-mirror pool'), hashtext($1)) AS claimed`,
        [poolId],
      );
      if (claim.rows[0]?.claimed) return { poolId, index, release };
    }
  } catch (error) {
    await release();
    throw error;
  }
}
