import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHIVE_FORMATS } from '../config/config.ts';
import { ResumableError } from '../model/errors.ts';
import {
  ARCHIVED_DATASETS,
  type ArchivedDataset,
  listStateDatasets,
  snapshotId,
} from '../model/snapshot.ts';
import type { Signer } from '../signature/signer.ts';
import type { ChainPosition } from './chain.ts';
import type { Destination, ProtectedObject } from './destination.ts';
import { manifestKey, partName, partsPrefix } from './layout.ts';
import {
  differentArchiveError,
  formatManifest,
  isChanges,
  type ManifestContent,
  type ManifestObject,
  type PublishedSnapshot,
  parseManifest,
} from './manifest.ts';
import { describeFile, isStored, readWhole } from './read-object.ts';
import { signStored, storeSignature } from './sign.ts';

export interface SealOptions {
  /** Signs the manifest. Null: it gets no signature. */
  readonly signer: Signer | null;
  /** A private folder of this machine. */
  readonly folder: string;
  /** Throws `LeaseLostError` if another runner owns the snapshot now, `ResumableError` if its rows drifted. */
  readonly assertStillOwner: () => Promise<void>;
  /** Receives leftovers that Object Lock protects. The manifest names none of them. */
  readonly onProtected?: (objects: readonly ProtectedObject[]) => void;
  readonly signal: AbortSignal;
}

/**
 * Seals a snapshot whose parts are all stored: deletes the leftovers among them, then creates the
 * manifest, unless it exists with the same bytes, and its signature. Checks the ownership before each
 * of the first two. A key that cannot sign leaves the snapshot unsealed.
 *
 * @returns the manifest's SHA-256.
 */
export async function seal(
  destination: Destination,
  content: ManifestContent,
  { sealed }: ChainPosition,
  { signer, folder, assertStillOwner, onProtected, signal }: SealOptions,
): Promise<string> {
  const key = manifestKey(content.poolId, snapshotId(content.snapshotAt));
  const path = join(folder, 'manifest.json');
  const bytes = formatManifest(content);
  // Before the deletion: an existing manifest may name parts that this one does not.
  if (sealed && !sealed.bytes.equals(bytes)) throw differentArchiveError(content, sealed.manifest);
  await assertStillOwner();
  const leftovers = await deleteUnnamed(destination, content, signal);
  if (leftovers.length > 0) onProtected?.(leftovers);

  await writeFile(path, bytes, { mode: 0o600 });
  const file = await describeFile(path, signal);
  if (sealed) {
    if (signer) await signStored(destination, { key, bytes }, signer, { folder, signal });
    return file.sha256;
  }
  const signature = signer && (await signer.sign(bytes, signal));
  await assertStillOwner();
  if (!(await destination.create(key, file, signal))) {
    // Either our own, from a request whose response was lost, or another mirror's.
    const existing = await readWhole(destination, key, signal);
    if (!existing?.equals(bytes)) {
      const other = existing ? parseManifest(existing) : { problem: 'it was deleted again' };
      throw differentArchiveError(content, other);
    }
  }
  if (signature !== null) {
    await storeSignature(destination, { key, bytes }, signature, { folder, signal });
  }
  return file.sha256;
}

/**
 * Deletes every object under the snapshot's prefixes, of all formats, that the manifest does not
 * name: parts of an earlier attempt and unfinished files. The same listing proves that the named
 * objects exist.
 *
 * @returns those that Object Lock protects.
 */
async function deleteUnnamed(
  destination: Destination,
  { poolId, snapshotAt, objects }: ManifestContent,
  signal: AbortSignal,
): Promise<readonly ProtectedObject[]> {
  const missing = new Map(objects.map((object) => [object.key, object]));
  const unnamed: string[] = [];
  for (const format of ARCHIVE_FORMATS) {
    for (const dataset of ARCHIVED_DATASETS) {
      const prefix = partsPrefix(format, dataset, poolId, snapshotId(snapshotAt));
      for await (const { key, bytes } of destination.list(prefix, signal)) {
        const named = missing.get(key);
        if (!named) unnamed.push(key);
        else if (named.bytes === bytes) missing.delete(key);
      }
    }
  }
  const [lost] = missing.keys();
  if (lost !== undefined) {
    throw new ResumableError(
      `${destination.url} does not list ${lost} with the size that was stored, so the archive was not sealed. Run the command again to archive the snapshot.`,
    );
  }
  return destination.delete(unnamed, signal);
}

/**
 * Reuses a manifest that an earlier run sealed, if that run ended before the database recorded it.
 * Another version of the program may have written it, with other bytes in its parts. The database
 * does not know its hash, so everything is verified: its bytes against the snapshot, its objects
 * against the layout and the counts, and each object by reading it back. A manifest of an earlier format
 * is not reused: nothing else shows that its parts have the columns of that format. Then it is signed, if
 * that run was killed before.
 *
 * @returns the stored objects, or null if the archive must be written.
 */
export async function reuseSealed(
  destination: Destination,
  snapshot: PublishedSnapshot,
  { sealed, previous }: ChainPosition,
  { signer, folder, signal }: Pick<SealOptions, 'signer' | 'folder' | 'signal'>,
): Promise<{ sha256: string; objects: readonly ManifestObject[] } | null> {
  if (!sealed) return null;
  const { program, objects, lock = null, privacy } = sealed.manifest;
  const expected = formatManifest({ ...snapshot, program, privacy, objects, lock, previous });
  if (!expected.equals(sealed.bytes) || !areComplete(objects, snapshot)) return null;
  for (const object of objects) {
    if (!(await isStored(destination, object, signal))) return null;
  }
  if (signer) {
    const key = manifestKey(snapshot.poolId, snapshotId(snapshot.snapshotAt));
    await signStored(destination, { key, bytes: sealed.bytes }, signer, { folder, signal });
  }
  return { sha256: createHash('sha256').update(sealed.bytes).digest('hex'), objects };
}

/**
 * Returns true if the objects are exactly the snapshot's parts in at least one format. An earlier
 * version of the program wrote no changes.
 */
function areComplete(
  objects: readonly ManifestObject[],
  { poolId, snapshotAt, counts }: PublishedSnapshot,
): boolean {
  const formats = ARCHIVE_FORMATS.filter((format) => objects.some((o) => o.format === format));
  const datasets: ArchivedDataset[] = listStateDatasets(counts);
  if (objects.some(isChanges)) datasets.push('changes');
  const each = formats.flatMap((format) => datasets.map((dataset) => ({ format, dataset })));
  return (
    formats.length > 0 &&
    each.every(({ format, dataset }) => {
      const parts = objects.filter((o) => o.format === format && o.dataset === dataset);
      const prefix = partsPrefix(format, dataset, poolId, snapshotId(snapshotAt));
      const rows = parts.reduce((sum, part) => sum + part.rows, 0);
      return (
        parts.length > 0 &&
        parts.every(({ key }, index) => key === prefix + partName(format, index)) &&
        (dataset === 'changes' || rows === counts[dataset])
      );
    })
  );
}
