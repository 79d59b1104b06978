import type { Queryable } from '../connection.ts';

/** How a pool's readings went before. */
export interface ReadingNote {
  /** Whether it has users that no shard holds. */
  readonly serial: boolean;
  /** By how many users its last reading in one chain fell short of the service's estimate, or 0. */
  readonly short: number;
}

/** What earlier readings of a pool showed. */
export async function readingNote(db: Queryable, poolId: string): Promise<ReadingNote> {
  const found = await db.query<ReadingNote>(
    'SELECT serial, short FROM mirror.pools WHERE pool_id = $1',
    [poolId],
  );
  return found.rows[0] ?? { serial: false, short: 0 };
}

/** Notes what a reading in one chain showed. */
export async function noteReading(
  db: Queryable,
  poolId: string,
  { serial, short }: ReadingNote,
): Promise<void> {
  await db.query(
    `INSERT INTO mirror.pools AS p (pool_id, serial, short) VALUES ($1, $2, $3)
     ON CONFLICT (pool_id) DO UPDATE SET serial = excluded.serial, short = excluded.short`,
    [poolId, serial, short],
  );
}
