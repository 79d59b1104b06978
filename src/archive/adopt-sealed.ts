import { createHash } from 'node:crypto';
import { ARCHIVE_FORMATS } from '../config/config.ts';
import { DATASETS, snapshotId } from '../model/snapshot.ts';
import type { ArchiveRequest, ArchiveResult } from './archive-request.ts';
import type { ChainPosition } from './chain.ts';
import { type Destination, isStored } from './destination.ts';
import { manifestKey, partName, partsPrefix } from './layout.ts';
import { formatManifest, type ManifestObject, parseManifest } from './manifest.ts';

/**
 * Takes a manifest that is there already for what it is: an earlier run sealed this snapshot and
 * was ended before it could say so. It may have been of another version of the program, whose parts
 * have other bytes. But nobody knows the hash of this manifest yet, so that it is believed nothing:
 * it must be, byte by byte, what the request makes of its program and objects, these must be the
 * whole snapshot, and each is read back.
 *
 * @returns the archive, or null where there is none, or what is there must be written again.
 */
export async function adoptSealed(
  destination: Destination,
  request: ArchiveRequest,
  { sealed, previous }: ChainPosition,
  signal: AbortSignal,
): Promise<ArchiveResult | null> {
  const manifest = sealed && parseManifest(sealed);
  if (!sealed || !manifest) return null;
  const { program, objects } = manifest;
  if (!formatManifest({ ...request, program, objects, previous }).equals(sealed)) return null;
  if (!areWhole(objects, request)) return null;
  for (const object of objects) {
    if (!(await isStored(destination, object, signal))) return null;
  }
  return {
    manifest: manifestKey(request.poolId, snapshotId(request.snapshotAt)),
    manifestSha256: createHash('sha256').update(sealed).digest('hex'),
    objects: objects.length,
    bytes: objects.reduce((sum, object) => sum + object.bytes, 0),
  };
}

/** True if the objects are all parts of the snapshot, in one format at least, and nothing else. */
function areWhole(
  objects: readonly ManifestObject[],
  { poolId, snapshotAt, counts }: ArchiveRequest,
): boolean {
  const formats = ARCHIVE_FORMATS.filter((format) => objects.some((o) => o.format === format));
  const each = formats.flatMap((format) => DATASETS.map((dataset) => ({ format, dataset })));
  return (
    formats.length > 0 &&
    each.every(({ format, dataset }) => {
      const parts = objects.filter((o) => o.format === format && o.dataset === dataset);
      const prefix = partsPrefix(format, dataset, poolId, snapshotId(snapshotAt));
      const rows = parts.reduce((sum, part) => sum + part.rows, 0);
      return (
        parts.length > 0 &&
        parts.every(({ key }, index) => key === prefix + partName(format, index)) &&
        rows === counts[dataset]
      );
    })
  );
}
