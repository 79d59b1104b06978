import { createHash } from 'node:crypto';
import { snapshotId } from '../model/snapshot.ts';
import type { ArchiveRequest, ArchiveResult } from './archive-request.ts';
import type { ChainPosition } from './chain.ts';
import type { Destination } from './destination.ts';
import { manifestKey } from './layout.ts';
import { parseManifest } from './manifest.ts';

/**
 * Takes a manifest that is there already for what it is: an earlier run sealed this snapshot and
 * was ended before it could say so. It may have been of another version of the program, whose parts
 * have other bytes. Its own say must agree with the request, and each object that it names must
 * be listed with its size.
 *
 * @returns the archive, or null where there is none, or what is there must be written again.
 */
export async function adoptSealed(
  destination: Destination,
  { poolId, snapshotAt, publishedAt, counts }: ArchiveRequest,
  { sealed, previous }: ChainPosition,
  signal: AbortSignal,
): Promise<ArchiveResult | null> {
  const manifest = sealed && parseManifest(sealed);
  if (!sealed || !manifest) return null;
  const agrees =
    manifest.publishedAt === publishedAt.toISOString() &&
    manifest.counts.users === counts.users &&
    manifest.counts.groups === counts.groups &&
    manifest.counts.memberships === counts.memberships &&
    manifest.previous?.sha256 === previous?.sha256;
  if (!agrees) return null;
  for (const object of manifest.objects) {
    if (!(await isListed(destination, object, signal))) return null;
  }
  return {
    manifest: manifestKey(poolId, snapshotId(snapshotAt)),
    manifestSha256: createHash('sha256').update(sealed).digest('hex'),
    objects: manifest.objects.length,
    bytes: manifest.objects.reduce((sum, object) => sum + object.bytes, 0),
  };
}

async function isListed(
  destination: Destination,
  object: { key: string; bytes: number },
  signal: AbortSignal,
): Promise<boolean> {
  const folder = object.key.slice(0, object.key.lastIndexOf('/') + 1);
  for await (const { key, bytes } of destination.list(folder, signal)) {
    if (key === object.key) return bytes === object.bytes;
  }
  return false;
}
