import pg from 'pg';

/** A pool id that was claimed for as long as the claim is held. */
export interface PoolClaim {
  readonly poolId: string;
  /** Which of the candidates it is, from 0. */
  readonly index: number;
  release(): Promise<void>;
}

/**
 * Claims the first candidate that the mirror has never seen and that no one else has claimed: for
 * simulated pools, which begin anew each time and would read as a pool that was turned back.
 */
export async function claimPoolId(
  url: string,
  candidate: (index: number) => string,
): Promise<PoolClaim> {
  const client = new pg.Client({ connectionString: url, application_name: 'cognito-mirror claim' });
  client.on('error', () => {});
  await client.connect();
  for (let index = 0; ; index++) {
    const poolId = candidate(index);
    const claim = await client.query<{ claimed: boolean }>(
      `SELECT NOT EXISTS (SELECT FROM directory.pools WHERE pool_id = $1)
         AND pg_try_advisory_lock(hashtext('cognito-mirror pool'), hashtext($1)) AS claimed`,
      [poolId],
    );
    if (claim.rows[0]?.claimed) return { poolId, index, release: () => client.end() };
  }
}
