import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHIVE_FORMATS } from '../config/config.ts';
import { ResumableError } from '../model/errors.ts';
import { DATASETS, snapshotId } from '../model/snapshot.ts';
import type { ChainPosition } from './chain.ts';
import { type Destination, readWhole } from './destination.ts';
import { manifestKey, partsPrefix } from './layout.ts';
import { describeFile } from './local-file.ts';
import { formatManifest, type ManifestContent, type ManifestObject } from './manifest.ts';
import { sealedOtherwise } from './sealed-otherwise.ts';

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
  if (chain.sealed && !chain.sealed.equals(bytes)) throw sealedOtherwise(content, chain.sealed);
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
    if (!sealed?.equals(bytes)) throw sealedOtherwise(content, sealed);
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
