import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHIVE_FORMATS } from '../config/config.ts';
import { ConfigurationError, ResumableError } from '../model/errors.ts';
import { DATASETS, snapshotId } from '../model/snapshot.ts';
import type { ChainPosition } from './chain.ts';
import type { Destination } from './destination.ts';
import { manifestKey, partsPrefix } from './layout.ts';
import { describeFile } from './local-file.ts';
import { formatManifest, type ManifestContent, type ManifestObject } from './manifest.ts';

/**
 * Seals a snapshot whose parts are all stored: deletes what lies among them and is none of them,
 * then writes the manifest, unless the same bytes are there already. `maySeal` is asked before
 * either, and throws if the snapshot is another runner's. Returns the manifest's SHA-256.
 */
export async function seal(
  destination: Destination,
  content: ManifestContent,
  chain: ChainPosition,
  { folder, maySeal, signal }: SealOptions,
): Promise<string> {
  await maySeal();
  await deleteUnnamed(destination, content, signal);

  const path = join(folder, 'manifest.json');
  const bytes = formatManifest(content);
  await writeFile(path, bytes, { mode: 0o600 });
  const file = await describeFile(path, signal);
  if (chain.sealed) {
    if (!chain.sealed.equals(bytes)) throw sealedOtherwise(content);
  } else {
    await maySeal();
    await destination.put(
      manifestKey(content.poolId, snapshotId(content.snapshotAt)),
      file,
      signal,
    );
  }
  return file.sha256;
}

export interface SealOptions {
  /** A private folder of this machine. */
  readonly folder: string;
  readonly maySeal: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** A sealed archive is never overwritten: what would change one stops the run. */
export function sealedOtherwise({
  poolId,
  snapshotAt,
}: Pick<ManifestContent, 'poolId' | 'snapshotAt'>): ConfigurationError {
  const snapshot = snapshotId(snapshotAt);
  return new ConfigurationError([
    {
      subject: 'ARCHIVE_URL',
      problem: `it holds a sealed archive of ${poolId}/${snapshot} with other content than this run's.`,
      remedy:
        'Archive it with the program version and the ARCHIVE_FORMATS that its manifest shows, or set ARCHIVE_URL to another destination.',
    },
  ]);
}

/**
 * Deletes every object under the snapshot's prefixes, of all formats, that the manifest will not
 * name: those of an earlier attempt, and unfinished files. The same listing shows that the named
 * ones are there.
 */
async function deleteUnnamed(
  destination: Destination,
  { poolId, snapshotAt, objects }: ManifestContent,
  signal: AbortSignal,
): Promise<void> {
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
      `${destination.url} does not list ${lost} as it was stored, so the archive was not sealed. Run again to archive the snapshot.`,
    );
  }
  await destination.delete(unnamed, signal);
}
