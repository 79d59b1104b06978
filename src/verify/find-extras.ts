import { lockKey, manifestKey } from '../archive/layout.ts';
import type { SnapshotDocuments } from './check-documents.ts';
import type { Finding } from './findings.ts';
import type { ListedPool } from './list-archive.ts';
import { isInRange, type Selection } from './select.ts';

/** Finds objects that no document names. A snapshot that is being archived is left out. */
export async function findExtras(
  pool: ListedPool & Pick<Selection, 'from' | 'to'>,
  checked: readonly SnapshotDocuments[],
): Promise<Finding[]> {
  const { listing } = pool;
  const named = new Set(
    checked.flatMap(({ keys, objects }) => [...keys, ...objects.map(({ key }) => key)]),
  );
  const known = new Map(listing.snapshots.map((each) => [each.snapshot, each]));
  const isArchived = new Map<string, boolean>();
  const extras: Finding[] = [];
  for (const key of listing.sizes.keys()) {
    if (named.has(key)) continue;
    const snapshot = snapshotOf(key);
    const own = snapshot === null ? undefined : known.get(snapshot);
    if (own !== undefined && !isInRange(own.at, pool)) continue;
    if (snapshot !== null && !own?.hasManifest) {
      const isRunning = isArchived.get(snapshot) ?? (await isBeingArchived(pool, snapshot));
      isArchived.set(snapshot, isRunning);
      if (isRunning) continue;
    }
    const detail = `No manifest of the archive names it.${await describeLock(pool, key)}`;
    extras.push({ code: 'extra', key, snapshot, detail });
  }
  return extras;
}

/** Until when Object Lock keeps an object from being deleted. */
async function describeLock({ destination, signal }: ListedPool, key: string): Promise<string> {
  const found = await destination.readLock(key, signal);
  return found.state === 'locked' ? ` It is locked until ${found.until.toISOString()}.` : '';
}

/** The snapshot in whose partition an object lies, or whose document it is; null for other keys. */
function snapshotOf(key: string): string | null {
  const [, part, document] =
    /\/snapshot=(\d{8}T\d{6}Z)\/|^manifests\/[^/]+\/(\d{8}T\d{6}Z)\./.exec(key) ?? [];
  return part ?? document ?? null;
}

/** True if a mirror archives this snapshot now, or has sealed it since the listing. */
async function isBeingArchived(
  { destination, poolId, signal }: ListedPool,
  snapshot: string,
): Promise<boolean> {
  for (const key of [lockKey(poolId, snapshot), manifestKey(poolId, snapshot)]) {
    if ((await destination.head(key, signal)) !== null) return true;
  }
  return false;
}
