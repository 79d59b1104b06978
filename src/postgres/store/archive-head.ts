/**
 * SQL that selects the head of a pool's archive, as `ArchiveHead`: the newest archive that this database
 * recorded, and how many it recorded there. No row without an archive.
 *
 * @param poolId the expression that gives the pool.
 */
export function selectHead(poolId: string): string {
  return `SELECT json_build_object(
      'snapshots', r.archives, 'snapshot', sealed.snapshot, 'sha256', sealed.manifest_sha256
    ) AS head
    FROM directory.snapshots AS sealed JOIN mirror.runs AS r USING (pool_id, snapshot_at)
    WHERE sealed.pool_id = ${poolId} AND sealed.state = 'archived'
    ORDER BY sealed.snapshot_at DESC LIMIT 1`;
}
