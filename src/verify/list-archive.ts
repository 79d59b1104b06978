import type { Destination, StoredObject } from '../archive/destination.ts';
import { manifestKey, manifestsPrefix } from '../archive/layout.ts';
import { hashObject } from '../archive/read-object.ts';
import { ARCHIVE_FORMATS } from '../config/config.ts';
import { isPoolId } from '../model/pool-id.ts';
import { ARCHIVED_DATASETS, parseSnapshotId } from '../model/snapshot.ts';

/** What the archive of a pool has of one snapshot, by the listing. */
export interface ListedSnapshot {
  readonly snapshot: string;
  readonly at: Date;
  hasManifest: boolean;
  /** True if a signature lies beside the manifest, sound or not. */
  isSigned: boolean;
  hasRemoval: boolean;
  /** The numbers of its revisions, in any order. */
  readonly revisions: number[];
}

/** The objects of a pool, by the listing. */
export interface Listing {
  /** Everything that has a document beside or as its manifest, oldest first. */
  readonly snapshots: readonly ListedSnapshot[];
  /** The bytes of every object under the pool's prefixes, by key. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** The prefixes of parts, above those of pools. */
const PARTS = ARCHIVE_FORMATS.flatMap((format) =>
  ARCHIVED_DATASETS.map((dataset) => `${format}/${dataset}/` as const),
);

/** The prefixes under which an archive has nothing but documents and parts. */
const ROOTS = ['manifests/', ...ARCHIVE_FORMATS.map((format) => `${format}/` as const)];

/** What an archive has. */
export interface ArchiveContent {
  /** The pools with a manifest or only parts, sorted. */
  readonly pools: readonly string[];
  /** The keys that are in the folder of no pool. */
  readonly strays: readonly string[];
}

/** Finds the pools of an archive, and what is beside them under its prefixes. */
export async function listArchive(
  destination: Destination,
  signal: AbortSignal,
): Promise<ArchiveContent> {
  const pools = new Set<string>();
  const strays: string[] = [];
  for (const root of ROOTS) {
    for await (const { key } of destination.list(root, signal)) {
      const poolId = poolOf(key);
      if (poolId === null) strays.push(key);
      else pools.add(poolId);
    }
  }
  return { pools: [...pools].sort(), strays };
}

/** The pool in whose folder of documents or of a dataset a key is; null if it is in none. */
function poolOf(key: string): string | null {
  const prefix = ['manifests/', ...PARTS].find((each) => key.startsWith(each));
  if (prefix === undefined) return null;
  const [, poolId = ''] = /^pool_id=([^/]+)\//.exec(key.slice(prefix.length)) ?? [];
  return isPoolId(poolId) ? poolId : null;
}

/** True if there is no document and no part of any pool. */
export async function isEmptyArchive(
  destination: Destination,
  signal: AbortSignal,
): Promise<boolean> {
  for (const prefix of ['manifests/', ...PARTS]) {
    for await (const _ of destination.list(prefix, signal)) return false;
  }
  return true;
}

/** Lists a pool's documents and objects. Manifests come last: what is sealed meanwhile is known. */
export async function listPool(
  destination: Destination,
  poolId: string,
  signal: AbortSignal,
): Promise<Listing> {
  const sizes = new Map<string, number>();
  for (const prefix of PARTS) {
    await collect(destination.list(`${prefix}pool_id=${poolId}/`, signal), sizes);
  }
  const documents = new Map<string, number>();
  await collect(destination.list(manifestsPrefix(poolId), signal), documents);
  return {
    snapshots: groupDocuments(poolId, [...documents.keys()]),
    sizes: new Map([...sizes, ...documents]),
  };
}

/** Lists the snapshots of a pool that have documents, oldest first, without the objects. */
export async function listSnapshots(
  destination: Destination,
  poolId: string,
  signal: AbortSignal,
): Promise<ListedSnapshot[]> {
  const documents = new Map<string, number>();
  await collect(destination.list(manifestsPrefix(poolId), signal), documents);
  return groupDocuments(poolId, [...documents.keys()]);
}

async function collect(
  objects: AsyncIterable<StoredObject>,
  sizes: Map<string, number>,
): Promise<void> {
  for await (const { key, bytes } of objects) sizes.set(key, bytes);
}

/** `20261120T020000Z`, then what kind of document it is, with or without `.sig`. */
const DOCUMENT = /^(\d{8}T\d{6}Z)(?:\.(removed)|\.r([1-9]\d*))?\.json(\.sig)?$/;

/** A document by its key; null for any other object. */
export function parseDocumentKey(
  poolId: string,
  key: string,
): { readonly snapshot: string; readonly at: Date } | null {
  const [, snapshot = ''] = DOCUMENT.exec(key.slice(manifestsPrefix(poolId).length)) ?? [];
  const at = parseSnapshotId(snapshot);
  return at && { snapshot, at };
}

function groupDocuments(poolId: string, keys: readonly string[]): ListedSnapshot[] {
  const prefix = manifestsPrefix(poolId);
  const found = new Map<string, ListedSnapshot>();
  for (const key of keys) {
    const [, snapshot = '', removed, revision, signature] =
      DOCUMENT.exec(key.slice(prefix.length)) ?? [];
    const at = parseSnapshotId(snapshot);
    if (at === null) continue;
    const own = found.get(snapshot) ?? {
      snapshot,
      at,
      hasManifest: false,
      isSigned: false,
      hasRemoval: false,
      revisions: [],
    };
    found.set(snapshot, own);
    if (signature !== undefined) {
      own.isSigned ||= removed === undefined && revision === undefined;
      continue;
    }
    if (removed !== undefined) own.hasRemoval = true;
    else if (revision !== undefined) own.revisions.push(Number(revision));
    else own.hasManifest = true;
  }
  return [...found.values()].sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** A pool at a destination, with what is listed there. */
export interface ListedPool {
  readonly destination: Destination;
  readonly poolId: string;
  readonly listing: Listing;
  readonly signal: AbortSignal;
}

/** The SHA-256 of a manifest's bytes in hex; null if it does not exist. */
export async function hashManifest(
  { destination, poolId, signal }: Omit<ListedPool, 'listing'>,
  snapshot: string,
): Promise<string | null> {
  return hashObject(destination, manifestKey(poolId, snapshot), signal);
}
