import type { Queryable } from '../connection.ts';

/** Leaves persons out of later snapshots. Repeating this changes nothing. */
export async function suppress(
  db: Queryable,
  poolId: string,
  hashes: readonly string[],
): Promise<void> {
  await db.query(
    `INSERT INTO mirror.suppressed (pool_id, hash) SELECT $1, unnest($2::text[])
     ON CONFLICT DO NOTHING`,
    [poolId, hashes],
  );
}

/** The keyed hashes of the persons whom snapshots of a pool leave out. */
export async function listSuppressed(db: Queryable, poolId: string): Promise<Set<string>> {
  const found = await db.query<{ hash: string }>(
    'SELECT hash FROM mirror.suppressed WHERE pool_id = $1',
    [poolId],
  );
  return new Set(found.rows.map(({ hash }) => hash));
}

/** Records that a snapshot left persons out, whichever process read them and however often. */
export async function recordSuppressed(
  db: Queryable,
  poolId: string,
  snapshotAt: Date,
  hashes: readonly string[],
): Promise<void> {
  await db.query(
    `UPDATE mirror.suppressed SET seen_in = greatest(seen_in, $2)
     WHERE pool_id = $1 AND hash = ANY ($3) AND seen_in IS DISTINCT FROM $2`,
    [poolId, snapshotAt, hashes],
  );
}
