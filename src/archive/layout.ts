import { ARCHIVE_FORMATS, type ArchiveFormat } from '../config/config.ts';
import { ARCHIVED_DATASETS, type ArchivedDataset } from '../model/snapshot.ts';

const EXTENSIONS: Readonly<Record<ArchiveFormat, string>> = {
  parquet: 'parquet',
  jsonl: 'jsonl.gz',
  csv: 'csv.gz',
};

/**
 * The prefix of one dataset's parts in one snapshot, with a slash at the end. Pool ids
 * (`[\w-]+_[0-9a-zA-Z]+`) and snapshot ids need no escaping in the name of a Hive partition.
 */
export function partsPrefix(
  format: ArchiveFormat,
  dataset: ArchivedDataset,
  poolId: string,
  snapshot: string,
): string {
  return `${format}/${dataset}/pool_id=${poolId}/snapshot=${snapshot}/`;
}

/** The name of a part, without a path. */
const FILE_NAME = /^[\w-]+(\.[\w-]+)+$/;

/** True if a key is one of a part below this prefix, and leads nowhere else. */
export function isPartBelow(prefix: string, key: string): boolean {
  return key.startsWith(prefix) && FILE_NAME.test(key.slice(prefix.length));
}

/** True if a key is one of a part of this snapshot, in any format and dataset. */
export function isPartOf(poolId: string, snapshot: string, key: string): boolean {
  return ARCHIVE_FORMATS.some((format) =>
    ARCHIVED_DATASETS.some((dataset) =>
      isPartBelow(partsPrefix(format, dataset, poolId, snapshot), key),
    ),
  );
}

/** A part's file name. `index` counts from 0. */
export function partName(format: ArchiveFormat, index: number): string {
  return `part-${String(index).padStart(5, '0')}.${EXTENSIONS[format]}`;
}

/** The prefix of a pool's manifests, with a slash at the end. */
export function manifestsPrefix(poolId: string): string {
  return `manifests/pool_id=${poolId}/`;
}

export function manifestKey(poolId: string, snapshot: string): string {
  return `${manifestsPrefix(poolId)}${snapshot}.json`;
}

/** The key of the signature of a manifest, a removal or a revision. */
export function signatureKey(key: string): string {
  return `${key}.sig`;
}

/** The key of the document that says which objects of a snapshot retention removed. */
export function removalKey(poolId: string, snapshot: string): string {
  return `${manifestsPrefix(poolId)}${snapshot}.removed.json`;
}

/** The key of a revision of a snapshot's archive. `revision` counts from 1. */
export function revisionKey(poolId: string, snapshot: string, revision: number): string {
  return `${manifestsPrefix(poolId)}${snapshot}.r${revision}.json`;
}

/** The key of the receipt of an erasure. */
export function receiptKey(poolId: string, id: string): string {
  return `${manifestsPrefix(poolId)}erasure-${id}.json`;
}

/** The id of the erasure whose receipt, or signature of a receipt, has this key; null for other keys. */
export function parseReceiptKey(poolId: string, key: string): string | null {
  const prefix = `${manifestsPrefix(poolId)}erasure-`;
  if (!key.startsWith(prefix)) return null;
  const [, id] = /^([0-9a-f-]{36})\.json(?:\.sig)?$/.exec(key.slice(prefix.length)) ?? [];
  return id ?? null;
}

/** The prefix of a pool's locks, with a slash at the end. */
export function locksPrefix(poolId: string): string {
  return `locks/pool_id=${poolId}/`;
}

/** The key of the lock that a mirror holds while it writes a snapshot's archive. */
export function lockKey(poolId: string, snapshot: string): string {
  return `${locksPrefix(poolId)}${snapshot}.json`;
}

/** The key of a part after a revision: that of the manifest, with the number of the revision. */
export function revisedPartKey(key: string, revision: number): string {
  const slash = key.lastIndexOf('/') + 1;
  return key.slice(0, slash) + key.slice(slash).replace(/(?:\.r\d+)?\./, `.r${revision}.`);
}
