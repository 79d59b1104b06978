import type { Destination } from '../archive/destination.ts';
import { partsPrefix } from '../archive/layout.ts';
import { ARCHIVED_DATASETS, type ArchivedDataset } from '../model/snapshot.ts';
import { readSealedSnapshots } from '../verify/sealed-snapshots.ts';

/** The Parquet parts of one dataset in one sealed snapshot. */
export interface Partition {
  readonly poolId: string;
  readonly snapshot: string;
  /** The key of the folder, relative to the archive, with a slash at the end. */
  readonly prefix: string;
  /** The version of its manifest, which says what columns the parts have. */
  readonly version: number;
  /** The keys of the parts. */
  readonly keys: readonly string[];
}

/** What an archive has to query, by its manifests. */
export interface SealedArchive {
  /** Without a slash at the end. */
  readonly url: string;
  /** By pool, oldest snapshot first. Users, groups and memberships have the same snapshots. */
  readonly partitions: Readonly<Record<ArchivedDataset, readonly Partition[]>>;
}

/** The datasets that the archive has: no changes before a second snapshot, perhaps no settings. */
export function listDatasets({ partitions }: SealedArchive): ArchivedDataset[] {
  return ARCHIVED_DATASETS.filter((dataset) => partitions[dataset].length > 0);
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
  const partitions: Record<ArchivedDataset, Partition[]> = {
    users: [],
    groups: [],
    memberships: [],
    settings: [],
    changes: [],
  };
  for (const poolId of pools) {
    for (const sealed of await readSealedSnapshots(destination, poolId, signal)) {
      const { snapshot, version, objects } = sealed;
      for (const dataset of ARCHIVED_DATASETS) {
        const parts = objects.filter(
          (part) => part.format === 'parquet' && part.dataset === dataset,
        );
        if (parts.length === 0) continue;
        const prefix = partsPrefix('parquet', dataset, poolId, snapshot);
        const keys = parts.map(({ key }) => key);
        partitions[dataset].push({ poolId, snapshot, prefix, version, keys });
      }
    }
  }
  return { url: destination.url.replace(/\/+$/, ''), partitions };
}
