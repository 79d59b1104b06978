import type pg from 'pg';
import type { ArchiveSummary } from '../../model/archive-summary.ts';
import type { NotificationType } from '../../model/notification.ts';
import type { PrivacyRecord } from '../../model/privacy.ts';
import { type SnapshotKey, type SnapshotState, snapshotId } from '../../model/snapshot.ts';
import { type Queryable, transaction } from '../connection.ts';
import { deleteUserHashes, detectDrift, markDrift } from './drift.ts';
import { LEASE_COLUMNS, type SnapshotLease, takeLease, withLease } from './leases.ts';
import { recordNotification } from './notifications.ts';
import type { PublishedSettings } from './publish-settings.ts';
import { saveWalks } from './snapshot-walks.ts';
import { createStage, logStage, stageTables } from './stage.ts';
import { EXPIRES_AFTER_HOURS, PUBLISHED_STATES, TRANSITIONS, type Transition } from './states.ts';

/** A snapshot that was created or resumed. */
export interface StartedSnapshot {
  readonly lease: SnapshotLease;
  readonly resumed: boolean;
  /** Rows of `directory.users` that something other than a publication changed; 0 if resumed. */
  readonly drifted: number;
  /** True if it hides other attributes than the published snapshot before. False if it resumed. */
  readonly rulesChanged: boolean;
  /** How many seconds its time is ahead of Postgres's clock, which was ahead at an earlier snapshot. */
  readonly secondsAhead: number;
}

/**
 * Resumes the pool's walking snapshot, or creates a new one with its stage. First it ends those that
 * a new run replaces: a walking one that began over 24 hours ago or that hides other attributes, and a
 * held one.
 *
 * @param privacy what is hidden in the users that this run stages.
 * @param logged true: the stage of a new snapshot survives a crash of Postgres.
 */
export async function beginSnapshot(
  pool: pg.Pool,
  poolId: string,
  privacy: PrivacyRecord | null = null,
  logged = false,
): Promise<StartedSnapshot> {
  return transaction(pool, async (client) => {
    await endStaleSnapshots(client, poolId, privacy);
    const lease = await takeLease(client, poolId, [TRANSITIONS.begin.to]);
    if (lease) return { lease, resumed: true, drifted: 0, rulesChanged: false, secondsAhead: 0 };
    const started = await insertSnapshot(client, poolId, TRANSITIONS.begin.to, privacy);
    await createStage(client, started.lease.stage, logged);
    return { ...started, resumed: false, drifted: await countDrift(client, started.lease) };
  });
}

/**
 * Creates a reading of the pool that is only compared. Whatever else the pool has stays: a published, a
 * held or an unfinished snapshot. The caller has the pool's lock.
 */
export async function beginComparison(
  pool: pg.Pool,
  poolId: string,
  privacy: PrivacyRecord | null = null,
): Promise<SnapshotLease> {
  return transaction(pool, async (client) => {
    const { lease } = await insertSnapshot(client, poolId, TRANSITIONS.compare.to, privacy);
    await createStage(client, lease.stage, false);
    await countDrift(client, lease);
    return lease;
  });
}

/** The readings that are only compared, of all pools. */
export async function listComparisons(db: Queryable): Promise<SnapshotKey[]> {
  const found = await db.query<SnapshotKey>(
    `SELECT pool_id AS "poolId", snapshot_at AS "snapshotAt" FROM directory.snapshots
     WHERE state = ANY ($1)`,
    [TRANSITIONS.endComparison.from],
  );
  return found.rows;
}

/**
 * Deletes a reading that was only compared; `dropEndedStages` drops its stage. A process that still reads
 * it loses its lease. Repeating this changes nothing.
 */
export async function endComparison(
  db: Queryable,
  { poolId, snapshotAt }: SnapshotKey,
): Promise<void> {
  await db.query('SELECT mirror.end_comparison($1, $2)', [poolId, snapshotAt]);
}

/** A snapshot `s` of pool $1 that a new run ends. */
const STALE = `s.pool_id = $1 AND (s.state = ANY ($2) OR (s.state = ANY ($3)
  AND (s.snapshot_at < clock_timestamp() - make_interval(hours => ${EXPIRES_AFTER_HOURS})
    OR s.privacy IS DISTINCT FROM $4::jsonb)))`;

async function endStaleSnapshots(
  client: pg.PoolClient,
  poolId: string,
  privacy: PrivacyRecord | null,
): Promise<void> {
  const { replace, expire } = TRANSITIONS;
  // This takes their leases, and waits for a runner that is publishing right now.
  const ended = await client.query<SnapshotLease>(
    `UPDATE mirror.runs AS r SET lease_number = r.lease_number + 1
     FROM directory.snapshots AS s
     WHERE s.pool_id = r.pool_id AND s.snapshot_at = r.snapshot_at AND ${STALE}
     RETURNING ${LEASE_COLUMNS}`,
    [poolId, replace.from, expire.from, toJsonb(privacy)],
  );
  for (const lease of ended.rows) await saveWalks(client, lease);
  const changed = await client.query<SnapshotKey & { state: SnapshotState }>(
    `UPDATE directory.snapshots AS s SET
       state = CASE WHEN s.state = ANY ($2) THEN $5 ELSE $6 END,
       reason = CASE WHEN s.state = ANY ($2)
         THEN 'Discarded for a newer snapshot; it was held: ' || s.reason
         WHEN s.privacy IS DISTINCT FROM $4::jsonb
         THEN 'The privacy rules changed while it was read.'
         ELSE 'It was not finished within ${EXPIRES_AFTER_HOURS} hours.' END
     WHERE ${STALE}
     RETURNING pool_id AS "poolId", snapshot_at AS "snapshotAt", state`,
    [poolId, replace.from, expire.from, toJsonb(privacy), replace.to, expire.to],
  );
  for (const { state, ...key } of changed.rows) {
    if (state === expire.to) await recordNotification(client, { type: 'snapshot.failed', ...key });
  }
}

/** The driver would send null as text. */
function toJsonb(record: PrivacyRecord | null): string | null {
  return record && JSON.stringify(record);
}

async function insertSnapshot(
  client: pg.PoolClient,
  poolId: string,
  state: SnapshotState,
  privacy: PrivacyRecord | null,
): Promise<Pick<StartedSnapshot, 'lease' | 'rulesChanged' | 'secondsAhead'>> {
  const moment = await client.query<{
    snapshotAt: Date;
    comparedWith: Date | null;
    rulesChanged: boolean;
    secondsAhead: number;
  }>(
    `SELECT "snapshotAt", "comparedWith",
       EXISTS (
         SELECT FROM directory.snapshots WHERE pool_id = $1 AND snapshot_at = "comparedWith"
           AND privacy IS DISTINCT FROM $2::jsonb
       ) AS "rulesChanged",
       extract(epoch FROM "snapshotAt" - clock_timestamp())::double precision AS "secondsAhead"
     FROM (
       SELECT
         greatest(date_trunc('second', clock_timestamp()), max(snapshot_at) + interval '1 second')
           AS "snapshotAt",
         max(snapshot_at) FILTER (WHERE state IN ${PUBLISHED_STATES}) AS "comparedWith"
       FROM directory.snapshots WHERE pool_id = $1
     ) AS next`,
    [poolId, toJsonb(privacy)],
  );
  const [next] = moment.rows;
  if (next === undefined) throw new Error('Postgres returned no time for a snapshot.');
  const { snapshotAt, comparedWith, rulesChanged, secondsAhead } = next;
  await client.query(
    `INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, state, privacy)
     VALUES ($1, $2, $3, $4, $5)`,
    [poolId, snapshotId(snapshotAt), snapshotAt, state, toJsonb(privacy)],
  );
  const lease = await insertLease(client, poolId, snapshotAt, comparedWith);
  return { lease, rulesChanged, secondsAhead };
}

/**
 * Logical replication copies no sequences, so the numbers of stages start again on a promoted
 * replica. Numbers that are in use are skipped.
 */
async function insertLease(
  client: pg.PoolClient,
  poolId: string,
  snapshotAt: Date,
  comparedWith: Date | null,
): Promise<SnapshotLease> {
  for (;;) {
    const inserted = await client.query<SnapshotLease>(
      `INSERT INTO mirror.runs AS r (pool_id, snapshot_at, compared_with) VALUES ($1, $2, $3)
       ON CONFLICT (stage) DO NOTHING RETURNING ${LEASE_COLUMNS}`,
      [poolId, snapshotAt, comparedWith],
    );
    const lease = inserted.rows[0];
    if (lease !== undefined) return lease;
  }
}

/** Marks rows that drifted, so that the new snapshot is compared with the rows that are really there. */
async function countDrift(
  client: pg.PoolClient,
  { poolId, comparedWith }: SnapshotLease,
): Promise<number> {
  if (comparedWith === null) {
    await deleteUserHashes(client, poolId);
    return 0;
  }
  const { intact } = await detectDrift(client, poolId, comparedWith);
  return intact ? 0 : markDrift(client, poolId);
}

/**
 * Keeps a snapshot unpublished until a person decides. From now on its stage survives a crash of Postgres.
 *
 * @throws LeaseLostError if another runner has the lease, or the snapshot is not walking.
 */
export function holdSnapshot(pool: pg.Pool, lease: SnapshotLease, reason: string): Promise<void> {
  return setState(pool, lease, TRANSITIONS.hold, reason, 'snapshot.held');
}

/** Ends a snapshot that can never be completed. Throws LeaseLostError as `holdSnapshot` does. */
export function failSnapshot(pool: pg.Pool, lease: SnapshotLease, reason: string): Promise<void> {
  return setState(pool, lease, TRANSITIONS.fail, reason, 'snapshot.failed');
}

/** Ends a snapshot that a person does not want. Throws LeaseLostError as `holdSnapshot` does. */
export function discardSnapshot(
  pool: pg.Pool,
  lease: SnapshotLease,
  reason: string,
): Promise<void> {
  return setState(pool, lease, TRANSITIONS.discard, reason);
}

async function setState(
  pool: pg.Pool,
  lease: SnapshotLease,
  { from, to }: Transition & { readonly to: SnapshotState },
  reason: string,
  type: NotificationType | null = null,
): Promise<void> {
  const { poolId, snapshotAt } = lease;
  await withLease(pool, lease, from, async (client) => {
    await client.query(
      `UPDATE directory.snapshots SET state = $3, reason = $4
       WHERE pool_id = $1 AND snapshot_at = $2`,
      [poolId, snapshotAt, to, reason],
    );
    await saveWalks(client, lease);
    // It waits for a person, perhaps for days.
    if (to === TRANSITIONS.hold.to) await logStage(client, lease.stage);
    if (type !== null) await recordNotification(client, { type, poolId, snapshotAt });
  });
}

/** The states that a snapshot is published from: `held` if a person releases it. */
export type PublishableState = (typeof TRANSITIONS)['publish' | 'release']['from'][number];

/** Marks a snapshot as published, in the transaction that moves its rows. */
export async function markPublished(
  client: pg.PoolClient,
  lease: SnapshotLease,
  users: { added: number; modified: number; removed: number; repaired: number },
  settings: PublishedSettings | null,
): Promise<void> {
  await client.query(
    `UPDATE directory.snapshots SET state = $3, reason = NULL, published_at = clock_timestamp(),
       added = $4, modified = $5, removed = $6, repaired = $7, settings = $8, settings_unread = $9,
       suppressed = (
         SELECT count(*) FROM mirror.suppressed WHERE pool_id = $1 AND seen_in >= $2
       )
     WHERE pool_id = $1 AND snapshot_at = $2`,
    [
      lease.poolId,
      lease.snapshotAt,
      TRANSITIONS.publish.to,
      users.added,
      users.modified,
      users.removed,
      users.repaired,
      settings?.parts ?? null,
      settings?.unread ? JSON.stringify(settings.unread) : null,
    ],
  );
}

/**
 * Marks a snapshot as archived, with its sealed manifest.
 *
 * @throws LeaseLostError if another runner has the lease, or the snapshot is not published.
 */
export async function markArchived(
  pool: pg.Pool,
  lease: SnapshotLease,
  archive: {
    destination: string;
    manifest: string;
    sha256: string;
    needsLocks: boolean;
    summary: ArchiveSummary;
  },
): Promise<void> {
  const { from, to } = TRANSITIONS.archive;
  await withLease(pool, lease, from, async (client) => {
    await client.query(
      `UPDATE mirror.runs SET destination = $3, needs_locks = $4, archive = $5, archives = 1 + (
         SELECT count(*) FROM mirror.runs AS r JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
         WHERE s.pool_id = $1 AND s.state = $6 AND r.destination = $3
       )
       WHERE pool_id = $1 AND snapshot_at = $2`,
      [
        lease.poolId,
        lease.snapshotAt,
        archive.destination,
        archive.needsLocks,
        JSON.stringify(archive.summary),
        to,
      ],
    );
    await client.query(
      `UPDATE directory.snapshots SET state = $3, archived_at = clock_timestamp(),
         reason = NULL, manifest = $4, manifest_sha256 = $5
       WHERE pool_id = $1 AND snapshot_at = $2`,
      [lease.poolId, lease.snapshotAt, to, archive.manifest, archive.sha256],
    );
    const { poolId, snapshotAt } = lease;
    await recordNotification(client, { type: 'snapshot.archived', poolId, snapshotAt });
  });
}

/** Records that a published snapshot can never be archived, and why. Throws as `markArchived` does. */
export async function abandonArchive(
  pool: pg.Pool,
  lease: SnapshotLease,
  reason: string,
): Promise<void> {
  await withLease(pool, lease, TRANSITIONS.abandonArchive.from, async (client) => {
    await client.query(
      `WITH lost AS (
         UPDATE mirror.runs SET archive_lost = true WHERE pool_id = $1 AND snapshot_at = $2
       )
       UPDATE directory.snapshots SET reason = $3 WHERE pool_id = $1 AND snapshot_at = $2`,
      [lease.poolId, lease.snapshotAt, reason],
    );
  });
}

/**
 * Abandons the archives that lack a version which is lost. If a drifted user also changed in the
 * pool, or left it, the version before is unknown; older snapshots without an archive hold it.
 *
 * @param lease of the snapshot that repairs the rows, in the transaction that publishes it.
 */
export async function abandonArchivesOfDrifted(
  client: pg.PoolClient,
  lease: SnapshotLease,
): Promise<void> {
  const t = stageTables(lease.stage);
  await client.query(
    `WITH lost AS (
       UPDATE mirror.runs AS r SET archive_lost = true
       FROM directory.snapshots AS n
       WHERE n.pool_id = r.pool_id AND n.snapshot_at = r.snapshot_at
         AND r.pool_id = $1 AND n.state = ANY ($2) AND EXISTS (
           SELECT FROM mirror.user_hashes AS h
           WHERE h.pool_id = $1 AND h.stale AND h.hash IS NOT NULL
             AND NOT EXISTS (
               SELECT FROM ${t.users} AS s WHERE s.username = h.username AND s.hash = h.hash
             )
             AND NOT EXISTS (SELECT FROM ${t.confirmed} AS a WHERE a.username = h.username)
         )
       RETURNING r.pool_id, r.snapshot_at
     )
     UPDATE directory.snapshots AS n SET reason = $3 FROM lost
     WHERE n.pool_id = lost.pool_id AND n.snapshot_at = lost.snapshot_at`,
    [
      lease.poolId,
      TRANSITIONS.abandonArchive.from,
      'It can never be archived: something else changed rows of directory.users before it was.',
    ],
  );
}
