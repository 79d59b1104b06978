import { manifestsPrefix } from '../archive/layout.ts';
import type { SnapshotDocuments } from './check-documents.ts';
import type { Finding, PoolVerification } from './findings.ts';
import { hashManifest, type ListedPool } from './list-archive.ts';

/** The newest manifest of the archive, whatever range is verified. Null without any. */
export async function readHead(pool: ListedPool): Promise<PoolVerification['head']> {
  const sealed = pool.listing.snapshots.filter(({ hasManifest }) => hasManifest);
  const newest = sealed.at(-1);
  if (newest === undefined) return null;
  const sha256 = await hashManifest(pool, newest.snapshot);
  if (sha256 === null) return null;
  return { snapshots: sealed.length, snapshot: newest.snapshot, sha256 };
}

/** Finds out if the manifest that a witness saw is still in the archive, also outside of the range. */
export async function findLostHead(
  pool: ListedPool & { readonly head: string | null },
  checked: readonly SnapshotDocuments[],
): Promise<Finding[]> {
  const { head, poolId, listing } = pool;
  if (head === null) return [];
  const hashes = new Map(checked.map((each) => [each.snapshot, each.manifestSha256]));
  if ([...hashes.values()].includes(head)) return [];
  for (const { snapshot, hasManifest } of listing.snapshots.toReversed()) {
    if (!hasManifest || hashes.has(snapshot)) continue;
    if ((await hashManifest(pool, snapshot)) === head) return [];
  }
  const detail = `No manifest has the SHA-256 ${head}. It was deleted or changed, or it is of another archive.`;
  return [{ code: 'head-missing', key: manifestsPrefix(poolId), snapshot: null, detail }];
}
