import { createHash } from 'node:crypto';
import type { PrivacyRecord } from '../model/privacy.ts';
import { parseSnapshotId } from '../model/snapshot.ts';
import type { Destination } from './destination.ts';
import { archiveUrlError, ColdStorageError } from './errors.ts';
import { manifestKey, manifestsPrefix } from './layout.ts';
import {
  type ManifestLink,
  type ParsedManifest,
  parseManifest,
  type SealedManifest,
} from './manifest.ts';
import { readWhole } from './read-object.ts';

/** The manifest before a snapshot's own. */
export interface PreviousManifest extends ManifestLink {
  /** What was hidden in its rows; null: nothing. Absent: it is in cold storage, so it is unknown. */
  readonly privacy?: PrivacyRecord | null;
}

/** The place of a snapshot in its pool's chain of manifests at a destination. */
export interface ChainPosition {
  /** The newest manifest before the snapshot's own; null for the first of a chain. */
  readonly previous: PreviousManifest | null;
  /** The snapshot's own manifest, if an earlier run sealed it. */
  readonly sealed: SealedManifest | null;
  /** How many snapshots the chain has up to this one, which is included. */
  readonly position: number;
}

const RESTORE =
  'Restore the missing or changed manifests at the destination, or set ARCHIVE_URL to an empty destination to start a new chain.';

/**
 * Finds a snapshot's place in the chain. A previous manifest in cold storage cannot be read: its
 * hash is taken from `known`.
 *
 * @param known the last manifest before the snapshot that the database has recorded as sealed here;
 *   null makes no claim, as a new database may continue an old archive.
 * @throws ActionRequiredError if the destination contradicts `known`, holds a later snapshot, or
 *   holds a manifest that cannot be read.
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
    throw archiveUrlError(
      `it holds a later snapshot of ${poolId} (${newest}) than ${snapshot}, and snapshots are archived in order. The manifest is ${manifestKey(poolId, newest)}.`,
      'Let only one database archive this pool there, or set ARCHIVE_URL to another destination.',
    );
  }
  const earlier = sealedSnapshots.filter((id) => id < snapshot);
  const before = earlier.at(-1);
  if (known && !sealedSnapshots.includes(known.snapshot)) {
    throw archiveUrlError(
      `the manifest ${manifestKey(poolId, known.snapshot)} is missing there. In the database it is the last of ${poolId} before ${snapshot}. It was deleted, or a lifecycle rule removed it. The last manifest there is ${before ?? '(none)'}.`,
      `${RESTORE} Exclude manifests/ from lifecycle rules.`,
    );
  }
  const previous =
    before === undefined
      ? null
      : await readLink(destination, { poolId, snapshot: before, known }, signal);
  if (known && (previous?.snapshot !== known.snapshot || previous.sha256 !== known.sha256)) {
    throw archiveUrlError(
      `the last manifest of ${poolId} before ${snapshot} is ${formatLink(previous)} there, but ${formatLink(known)} in the database.`,
      RESTORE,
    );
  }
  const sealed = isSealed ? await readSealed(destination, poolId, snapshot, signal) : null;
  // A run that was killed can leave an empty file in a folder without hard links.
  return {
    previous,
    sealed: sealed && sealed.bytes.length > 0 ? requireReadable(sealed) : null,
    position: earlier.length + 1,
  };
}

/** Lists the ids of a pool's sealed snapshots, oldest first. */
async function listSealed(
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

async function readLink(
  destination: Destination,
  { poolId, snapshot, known }: { poolId: string; snapshot: string; known: ManifestLink | null },
  signal: AbortSignal,
): Promise<PreviousManifest | null> {
  try {
    const found = await readSealed(destination, poolId, snapshot, signal);
    if (found === null) return null;
    const { bytes, manifest } = requireReadable(found);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { snapshot, sha256, privacy: manifest.privacy ?? null };
  } catch (error) {
    if (error instanceof ColdStorageError && known?.snapshot === snapshot) return known;
    throw error;
  }
}

interface FoundManifest {
  readonly key: string;
  readonly bytes: Buffer;
  readonly manifest: ParsedManifest | { readonly problem: string };
}

/** Reads a snapshot's manifest. Returns null if it was deleted since the listing. */
async function readSealed(
  destination: Destination,
  poolId: string,
  snapshot: string,
  signal: AbortSignal,
): Promise<FoundManifest | null> {
  const key = manifestKey(poolId, snapshot);
  const bytes = await readWhole(destination, key, signal);
  if (bytes === null) return null;
  const manifest = parseManifest(bytes);
  const isOwn =
    'problem' in manifest || (manifest.poolId === poolId && manifest.snapshot === snapshot);
  return { key, bytes, manifest: isOwn ? manifest : { problem: 'it names another snapshot' } };
}

function requireReadable({ key, bytes, manifest }: FoundManifest): SealedManifest {
  if ('problem' in manifest) {
    throw archiveUrlError(`${key} cannot be read as a manifest: ${manifest.problem}.`, RESTORE);
  }
  return { bytes, manifest };
}

function formatLink(manifest: ManifestLink | null): string {
  return manifest ? `${manifest.snapshot} (SHA-256 ${manifest.sha256})` : '(none)';
}

/**
 * Reads the pool's newest manifest at a destination; null if it has no manifest. Never writes.
 *
 * @throws ActionRequiredError if the manifest cannot be read.
 */
export async function findLastSealed(
  destination: Destination,
  poolId: string,
  signal: AbortSignal,
): Promise<{ key: string; objects: ParsedManifest['objects'] } | null> {
  const newest = (await listSealed(destination, poolId, signal)).at(-1);
  if (newest === undefined) return null;
  const found = await readSealed(destination, poolId, newest, signal);
  return found && { key: found.key, objects: requireReadable(found).manifest.objects };
}
