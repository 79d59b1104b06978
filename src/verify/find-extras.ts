import { lockKey, manifestKey } from '../archive/layout.ts';
import { mapParallel } from '../common/parallel.ts';
import type { SnapshotDocuments } from './check-documents.ts';
import type { Finding } from './findings.ts';
import type { ListedPool } from './list-archive.ts';
import { isInRange, type Selection } from './select.ts';

/** Requests at a time. */
const PARALLEL = 4;

/**
 * Finds objects that no document names any more, or that a removal says were deleted. Left out is a
 * snapshot that is being archived, revised or removed, and what a revision replaced as long as Object
 * Lock keeps it from being deleted.
 */
export async function findExtras(
  pool: ListedPool & Pick<Selection, 'from' | 'to'>,
  checked: readonly SnapshotDocuments[],
  receipts: ReadonlySet<string>,
): Promise<Finding[]> {
  const { listing } = pool;
  const named = new Set([
    ...receipts,
    ...checked.flatMap(({ keys, objects }) => [...keys, ...objects.map(({ key }) => key)]),
  ]);
  const known = new Map(listing.snapshots.map((each) => [each.snapshot, each]));
  const removed = new Set(checked.flatMap((each) => [...(each.removed ?? [])]));
  const replaced = new Set(
    checked.flatMap((each) => each.named).filter((key) => !removed.has(key)),
  );
  const isWritten = new Map<string, boolean>();
  const extras: Finding[] = [];
  for (const key of listing.sizes.keys()) {
    if (named.has(key)) continue;
    const snapshot = snapshotOf(key);
    const own = snapshot === null ? undefined : known.get(snapshot);
    if (own !== undefined && !isInRange(own.at, pool)) continue;
    const isRemoved = removed.has(key);
    if (snapshot !== null) {
      const isRunning =
        isWritten.get(snapshot) ??
        (await isBeingWritten(pool, snapshot, own?.hasManifest === true));
      isWritten.set(snapshot, isRunning);
      if (isRunning) continue;
    }
    const isReplaced = replaced.has(key);
    // It may have been deleted since the listing.
    const isGone = async () => (await pool.destination.head(key, pool.signal)) === null;
    if ((isRemoved || isReplaced) && (await isGone())) continue;
    const lock = await describeLock(pool, key);
    if (isReplaced && lock !== '') continue;
    const detail = (isRemoved ? UNDELETED : isReplaced ? REPLACED : UNNAMED) + lock;
    extras.push({ code: 'extra', key, snapshot, detail });
  }
  return extras;
}

/** Describes what is in the folder of no pool. */
export function describeStrays(
  archive: Pick<ListedPool, 'destination' | 'signal'>,
  keys: readonly string[],
): Promise<Finding[]> {
  return mapParallel(keys, PARALLEL, async (key) => {
    const detail = STRAY + (await describeLock(archive, key));
    return { code: 'extra', key, snapshot: null, detail };
  });
}

/** Until when Object Lock keeps an object from being deleted. */
async function describeLock(
  { destination, signal }: Pick<ListedPool, 'destination' | 'signal'>,
  key: string,
): Promise<string> {
  const found = await destination.readLock(key, signal);
  return found.state === 'locked' ? ` It is locked until ${found.until.toISOString()}.` : '';
}

/** The snapshot in whose partition an object lies, or whose document it is; null for other keys. */
function snapshotOf(key: string): string | null {
  const [, part, document] =
    /\/snapshot=(\d{8}T\d{6}Z)\/|^manifests\/[^/]+\/(\d{8}T\d{6}Z)\./.exec(key) ?? [];
  return part ?? document ?? null;
}

const UNNAMED = 'No manifest of the archive names it.';
const STRAY = 'It is in the folder of no pool, so no manifest can name it.';
const REPLACED = 'A revision of its snapshot replaced it, so it should have been deleted.';
const UNDELETED = 'The removal of its snapshot says that it was deleted.';

/** True if a mirror archives, revises or removes this snapshot now, or has sealed it since the listing. */
async function isBeingWritten(
  { destination, poolId, signal }: ListedPool,
  snapshot: string,
  hadManifest: boolean,
): Promise<boolean> {
  const lock = lockKey(poolId, snapshot);
  for (const key of hadManifest ? [lock] : [lock, manifestKey(poolId, snapshot)]) {
    if ((await destination.head(key, signal)) !== null) return true;
  }
  return false;
}
