import type { Readable } from 'node:stream';
import pg from 'pg';
import { ENTITIES } from '../../model/change-counts.ts';
import { type Counts, DATASETS, type Dataset, type SnapshotKey } from '../../model/snapshot.ts';
import { isKey, listColumns, listWritten, storedColumns, writtenColumns } from './columns.ts';
import { listJsonColumns, openJsonRows } from './json-rows.ts';
import { PUBLISHED_STATES } from './states.ts';
import { selectSides, type VersionSpan } from './versions.ts';

/** What changed since an earlier snapshot, and how many rows that one had. */
export interface SnapshotChanges {
  readonly rows: Readable;
  readonly before: Counts;
}

/**
 * Opens the changes between an archived snapshot and a later published one as JSON Lines, with the
 * columns of `COLUMNS.changes`: users, then groups, then memberships, each in key order. The histories
 * give both states, so the result is the same at any time. Connections and chunks are as in
 * `openSnapshotRows`.
 *
 * @param since the earlier snapshot and the SHA-256 of its manifest.
 * @returns null if this database did not archive that snapshot, or pruned versions since then.
 */
export async function openSnapshotChanges(
  pool: pg.Pool,
  { poolId, snapshotAt }: SnapshotKey,
  since: { readonly snapshot: string; readonly sha256: string },
): Promise<SnapshotChanges | null> {
  const earlier = await findArchived(pool, poolId, since);
  if (earlier === null) return null;
  const { at, ...before } = earlier;
  const span = {
    pool: pg.escapeLiteral(poolId),
    from: `${pg.escapeLiteral(at.toISOString())}::timestamptz`,
    to: `${pg.escapeLiteral(snapshotAt.toISOString())}::timestamptz`,
  };
  const queries = DATASETS.map((dataset) => selectChanges(dataset, span, since.snapshot));
  return { rows: await openJsonRows(pool, ...queries), before };
}

/** The time and counts of a snapshot that was archived with this manifest, if its state is known. */
async function findArchived(
  pool: pg.Pool,
  poolId: string,
  { snapshot, sha256 }: { readonly snapshot: string; readonly sha256: string },
): Promise<(Counts & { readonly at: Date }) | null> {
  const found = await pool.query<Counts & { at: Date }>(
    `SELECT s.snapshot_at AS at, s.users, s.groups, s.memberships
     FROM directory.snapshots AS s LEFT JOIN mirror.history_floors AS f USING (pool_id)
     WHERE s.pool_id = $1 AND s.snapshot = $2 AND s.manifest_sha256 = $3
       AND NOT EXISTS (
         SELECT FROM directory.snapshots AS pruned
         WHERE pruned.pool_id = s.pool_id AND pruned.state IN ${PUBLISHED_STATES}
           AND pruned.snapshot_at > s.snapshot_at AND pruned.snapshot_at <= f.retained_from
       )`,
    [poolId, snapshot, sha256],
  );
  return found.rows[0] ?? null;
}

/**
 * Selects the changes of one dataset in key order. A name with another `sub` gives two rows. A version that
 * differs from the one before in nothing gives none.
 */
export function selectChanges(dataset: Dataset, span: VersionSpan, since: string): string {
  const stored = storedColumns(dataset);
  const { before, after } = selectSides(dataset, listColumns(stored), span);
  const keys = stored.filter(isKey).map(({ name }) => name);
  const has = (column: string) => stored.some(({ name }) => name === column);
  const [b, a] = [`b.${keys[0]}`, `a.${keys[0]}`];
  const isAnother = has('sub') ? 'b.sub IS DISTINCT FROM a.sub' : 'false';
  const json = (table: string) =>
    `(SELECT row_to_json(r) FROM (SELECT ${listJsonColumns(stored, table)}) AS r)`;
  return `
    SELECT '${ENTITIES[dataset]}' AS entity, k.kind,
      ${has('username') ? 'username' : 'NULL'} AS username,
      ${has('sub') ? `CASE k.kind WHEN 'removed' THEN b.sub ELSE a.sub END` : 'NULL'} AS sub,
      ${has('group_name') ? 'group_name' : 'NULL'} AS group_name,
      ${b} IS NOT NULL AND ${a} IS NOT NULL AND ${isAnother} AS replaced,
      '${since}' AS since,
      CASE k.kind WHEN 'modified' THEN ${selectChanged(dataset)} ELSE '{}' END AS changed,
      CASE WHEN k.kind <> 'added' THEN ${json('b')} END AS before,
      CASE WHEN k.kind <> 'removed' THEN ${json('a')} END AS after
    FROM (${before}) AS b FULL JOIN (${after}) AS a USING (${keys.join(', ')})
    CROSS JOIN LATERAL unnest(CASE
      WHEN ${b} IS NULL THEN ARRAY['added']
      WHEN ${a} IS NULL THEN ARRAY['removed']
      WHEN ${isAnother} THEN ARRAY['removed', 'added']
      ELSE ARRAY['modified'] END) WITH ORDINALITY AS k (kind, place)
    WHERE (${listWritten(dataset, 'b')}) IS DISTINCT FROM (${listWritten(dataset, 'a')})
    ORDER BY ${keys.join(', ')}, k.place`;
}

/** The names of the columns that differ, and of the attributes, in the order of code points. */
function selectChanged(dataset: Dataset): string {
  const differing = writtenColumns(dataset)
    .filter((column) => !isKey(column) && column.name !== 'sub')
    .map(({ name }) =>
      name === 'attributes'
        ? 'mirror.differing_keys(b.attributes, a.attributes)'
        : `CASE WHEN b.${name} IS DISTINCT FROM a.${name} THEN ARRAY['${name}'] END`,
    );
  if (differing.length === 0) return `'{}'::text[]`;
  return `ARRAY(SELECT DISTINCT name COLLATE "C" FROM unnest(${differing.join(' || ')}) AS name ORDER BY 1)`;
}
