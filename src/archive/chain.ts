import { createHash } from 'node:crypto';
import { ActionRequiredError } from '../model/errors.ts';
import { parseSnapshotId } from '../model/snapshot.ts';
import { ColdStorageError, type Destination, readWhole } from './destination.ts';
import { manifestKey, manifestsPrefix } from './layout.ts';
import { type ManifestLink, type ParsedManifest, parseManifest, readManifest } from './manifest.ts';

/** Where a snapshot stands in its pool's chain of manifests at a destination. */
export interface ChainPosition {
  /** The newest manifest before the snapshot's own; null for the first of a chain. */
  readonly previous: ManifestLink | null;
  /** The snapshot's own manifest, where it was sealed before. */
  readonly sealed: Buffer | null;
}

const RESTORE =
  'Restore the missing or changed manifests at the destination, or set ARCHIVE_URL to an empty one, where a new chain begins.';

/**
 * Finds a snapshot's place in the chain. `known` is the last manifest that the database knows to be
 * sealed here before it; null is no claim, as a new database may go on with an old archive. A last
 * manifest in cold storage cannot be read: the hash that the database knows stands for it.
 * Throws `ConfigurationError` where the destination says otherwise, holds a later snapshot, or
 * something that is not a manifest in the place of the last one.
 */
export async function findChainPosition(
  destination: Destination,
  { poolId, snapshot, known }: { poolId: string; snapshot: string; known: ManifestLink | null },
  signal: AbortSignal,
): Promise<ChainPosition> {
  const sealedSnapshots = await listSealed(destination, poolId, signal);
  const newest = sealedSnapshots.at(-1);
  const isSealed = sealedSnapshots.includes(snapshot);
  if (!isSealed && newest !== undefined && newest > snapshot) {
    throw conflict(
      `it holds a later snapshot of ${poolId} (${newest}) than ${snapshot}, and snapshots are archived in order. The manifest is ${manifestKey(poolId, newest)}.`,
      'Let one database alone archive this pool there, or set ARCHIVE_URL to another destination.',
    );
  }
  const before = sealedSnapshots.filter((id) => id < snapshot).at(-1);
  if (known && !sealedSnapshots.includes(known.snapshot)) {
    throw conflict(
      `the manifest ${manifestKey(poolId, known.snapshot)}, the last of ${poolId} before ${snapshot} by the database, is missing there: it was deleted, or a lifecycle rule let it expire. The last one there is ${before ?? 'none'}.`,
      `${RESTORE} Let lifecycle rules leave manifests/ alone.`,
    );
  }
  const previous =
    before === undefined
      ? null
      : await link(destination, { poolId, snapshot: before, known }, signal);
  if (known && (previous?.snapshot !== known.snapshot || previous.sha256 !== known.sha256)) {
    throw conflict(
      `the last manifest of ${poolId} before ${snapshot} is ${show(previous)} there, but ${show(known)} by the database.`,
      RESTORE,
    );
  }
  const sealed = isSealed
    ? await readWhole(destination, manifestKey(poolId, snapshot), signal)
    : null;
  // A run that was killed can leave an empty file in a folder without hard links.
  return { previous, sealed: sealed?.length ? sealed : null };
}

/** The ids of a pool's sealed snapshots, oldest first. */
export async function listSealed(
  destination: Destination,
  poolId: string,
  signal: AbortSignal,
): Promise<string[]> {
  const prefix = manifestsPrefix(poolId);
  const snapshots: string[] = [];
  for await (const { key } of destination.list(prefix, signal)) {
    const name = key.slice(prefix.length);
    const id = name.slice(0, -'.json'.length);
    if (name === `${id}.json` && parseSnapshotId(id)) snapshots.push(id);
  }
  return snapshots.sort();
}

async function link(
  destination: Destination,
  { poolId, snapshot, known }: { poolId: string; snapshot: string; known: ManifestLink | null },
  signal: AbortSignal,
): Promise<ManifestLink | null> {
  const key = manifestKey(poolId, snapshot);
  let bytes: Buffer | null;
  try {
    bytes = await readWhole(destination, key, signal);
  } catch (error) {
    if (error instanceof ColdStorageError && known?.snapshot === snapshot) return known;
    throw error;
  }
  if (bytes === null) return null;
  const manifest = readManifest(bytes);
  if ('problem' in manifest) {
    throw conflict(`${key} cannot be read as a manifest: ${manifest.problem}.`, RESTORE);
  }
  if (manifest.poolId !== poolId || manifest.snapshot !== snapshot) {
    throw conflict(`${key} is the manifest of another snapshot.`, RESTORE);
  }
  return { snapshot, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function show(manifest: ManifestLink | null): string {
  return manifest ? `${manifest.snapshot} (SHA-256 ${manifest.sha256})` : 'none';
}

function conflict(problem: string, remedy: string): ActionRequiredError {
  return new ActionRequiredError([{ subject: 'ARCHIVE_URL', problem, remedy }]);
}

/**
 * The pool's newest manifest at a destination, with its key; null where there is none, or none that
 * can be understood. It lists and reads, and writes nothing.
 */
export async function findLastSealed(
  destination: Destination,
  poolId: string,
  signal: AbortSignal,
): Promise<{ key: string; objects: ParsedManifest['objects'] } | null> {
  const newest = (await listSealed(destination, poolId, signal)).at(-1);
  if (newest === undefined) return null;
  const key = manifestKey(poolId, newest);
  const bytes = await readWhole(destination, key, signal);
  const manifest = bytes && parseManifest(bytes);
  return manifest && { key, objects: manifest.objects };
}
