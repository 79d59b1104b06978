import type { Destination } from '../archive/destination.ts';
import { partsPrefix } from '../archive/layout.ts';
import { DATASETS, type Dataset } from '../model/snapshot.ts';
import { readSealedSnapshots } from '../verify/sealed-snapshots.ts';

/** The Parquet parts of one dataset in one sealed snapshot. */
export interface Partition {
  readonly poolId: string;
  readonly snapshot: string;
  /** The key of the folder, relative to the archive, with a slash at the end. */
  readonly prefix: string;
  /** The keys of the parts. */
  readonly keys: readonly string[];
}

/** What an archive has to query, by its manifests. */
export interface SealedArchive {
  /** Without a slash at the end. */
  readonly url: string;
  /** By pool, oldest snapshot first. Each dataset has the same snapshots. */
  readonly partitions: Readonly<Record<Dataset, readonly Partition[]>>;
}

/**
 * Reads the manifests of an archive, with their revisions and removals. A snapshot without a manifest
 * is left out, and so is one without Parquet.
 *
 * @throws ActionRequiredError if a manifest cannot be trusted; ResumableError if it cannot be read.
 */
export async function readSealedArchive(
  destination: Destination,
  pools: readonly string[],
  signal: AbortSignal,
): Promise<SealedArchive> {
  const partitions: Record<Dataset, Partition[]> = { users: [], groups: [], memberships: [] };
  for (const poolId of pools) {
    for (const { snapshot, objects } of await readSealedSnapshots(destination, poolId, signal)) {
      for (const dataset of DATASETS) {
        const parts = objects.filter(
          (part) => part.format === 'parquet' && part.dataset === dataset,
        );
        if (parts.length === 0) continue;
        const prefix = partsPrefix('parquet', dataset, poolId, snapshot);
        const keys = parts.map(({ key }) => key);
        partitions[dataset].push({ poolId, snapshot, prefix, keys });
      }
    }
  }
  return { url: destination.url.replace(/\/+$/, ''), partitions };
}
