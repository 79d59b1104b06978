import pg from 'pg';
import { ResumableError } from '../../model/errors.ts';
import { SESSION_OPTIONS } from '../connection.ts';

/** A lock that is held until it is released, or its connection is lost. */
export interface QuotaLock {
  release(): Promise<void>;
}

/**
 * Holds the quota of an account and Region for this process, where no Redis shares it out: two
 * inline runs side by side would take twice their share.
 *
 * @param onLost is called when the connection that holds the lock breaks: no more calls then.
 * @throws ResumableError where another run has the quota.
 */
export async function lockQuota(
  url: string,
  accountId: string,
  region: string,
  onLost: (error: Error) => void,
): Promise<QuotaLock> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'cognito-mirror quota',
    keepAlive: true,
    options: SESSION_OPTIONS,
  });
  let released = false;
  client.on('error', () => {
    if (!released) {
      onLost(
        new ResumableError(
          `The connection to Postgres that holds the quota of account ${accountId} in ${region} was lost. Run it again to resume.`,
        ),
      );
    }
  });
  const release = async () => {
    released = true;
    await client.end();
  };
  try {
    await client.connect();
    const locked = await client.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_lock(hashtext('cognito-mirror quota'), hashtext($1)) AS locked`,
      [`${accountId}/${region}`],
    );
    if (locked.rows[0]?.locked) return { release };
  } catch (error) {
    await release();
    throw error;
  }
  await release();
  throw new ResumableError(
    `Another run is using the quota of account ${accountId} in ${region}. ` +
      'Wait for it to end, then run this again.',
  );
}
