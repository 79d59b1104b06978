import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHIVE_FORMATS } from '../config/config.ts';
import { ResumableError } from '../model/errors.ts';
import { DATASETS, snapshotId } from '../model/snapshot.ts';
import type { ArchiveRequest, ArchiveResult } from './archive-request.ts';
import type { ChainPosition } from './chain.ts';
import { type Destination, isStored, readWhole } from './destination.ts';
import { describeFile } from './digest.ts';
import { manifestKey, partName, partsPrefix } from './layout.ts';
import {
  formatManifest,
  type ManifestContent,
  type ManifestObject,
  parseManifest,
} from './manifest.ts';
import { explainDifferentManifest } from './sealed-otherwise.ts';

/**
 * Seals a snapshot whose parts are all stored: deletes what lies among them and is none of them,
 * then creates the manifest, unless the same bytes are there already. `maySeal` is called before
 * either, and throws if the snapshot is another runner's. Returns the manifest's SHA-256.
 */
export async function seal(
  destination: Destination,
  content: ManifestContent,
  chain: ChainPosition,
  { folder, maySeal, onRetained, signal }: SealOptions,
): Promise<string> {
  const path = join(folder, 'manifest.json');
  const bytes = formatManifest(content);
  // Before anything is deleted: a sealed manifest may name what this one does not.
  if (chain.sealed && !chain.sealed.equals(bytes))
    throw explainDifferentManifest(content, chain.sealed);
  await maySeal();
  const retained = await deleteUnnamed(destination, content, signal);
  if (retained.length > 0) onRetained?.(retained);

  await writeFile(path, bytes, { mode: 0o600 });
  const file = await describeFile(path, signal);
  if (chain.sealed) return file.sha256;
  await maySeal();
  const key = manifestKey(content.poolId, snapshotId(content.snapshotAt));
  if (!(await destination.create(key, file, signal))) {
    // Ours, of a request whose answer was lost; or another mirror's.
    const sealed = await readWhole(destination, key, signal);
    if (!sealed?.equals(bytes)) throw explainDifferentManifest(content, sealed);
  }
  return file.sha256;
}

export interface SealOptions {
  /** A private folder of this machine. */
  readonly folder: string;
  readonly maySeal: () => Promise<void>;
  /** Called with the keys of leftovers that the destination retains; the manifest names none. */
  readonly onRetained?: (keys: readonly string[]) => void;
  readonly signal: AbortSignal;
}

/**
 * Deletes every object under the snapshot's prefixes, of all formats, that the manifest will not
 * name: those of an earlier attempt, and unfinished files. The same listing shows that the named
 * ones are there. Returns the keys of those that stay.
 */
async function deleteUnnamed(
  destination: Destination,
  { poolId, snapshotAt, objects }: ManifestContent,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const missing = new Map(objects.map((object) => [object.key, object]));
  const unnamed: string[] = [];
  for (const format of ARCHIVE_FORMATS) {
    for (const dataset of DATASETS) {
      const prefix = partsPrefix(format, dataset, poolId, snapshotId(snapshotAt));
      for await (const { key, bytes } of destination.list(prefix, signal)) {
        const named: ManifestObject | undefined = missing.get(key);
        if (!named) unnamed.push(key);
        else if (named.bytes === bytes) missing.delete(key);
      }
    }
  }
  const [lost] = missing.keys();
  if (lost !== undefined) {
    throw new ResumableError(
      `${destination.url} does not list ${lost} as it was stored, so the archive was not sealed. Run it again to archive the snapshot.`,
    );
  }
  return destination.delete(unnamed, signal);
}

/**
 * Takes a manifest that is there already for what it is: an earlier run sealed this snapshot and
 * was ended before it could say so. It may have been of another version of the program, whose parts
 * have other bytes. But nobody knows the hash of this manifest yet, so that it is believed nothing:
 * it must be, byte by byte, what the request makes of its program and objects, these must be the
 * whole snapshot, and each is read back.
 *
 * @returns the archive, or null where there is none, or what is there must be written again.
 */
export async function reuseSealed(
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
