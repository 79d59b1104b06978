import { createHash } from 'node:crypto';
import { mapParallel } from '../common/parallel.ts';
import type { ArchiveLock } from '../model/object-lock.ts';
import type { Destination, LockTarget } from './destination.ts';
import { archiveUrlError } from './errors.ts';
import { manifestKey, signatureKey } from './layout.ts';
import { type LockPromise, type ManifestObject, parseManifest } from './manifest.ts';
import { readWhole } from './read-object.ts';

/** Objects that are locked at the same time. */
const PARALLEL = 8;
const DAY_MS = 86_400_000;

/** How long the objects of a snapshot that is sealed now will be locked, in whole seconds. */
export function promiseLock({ mode, days, manifestDays }: ArchiveLock, now: Date): LockPromise {
  const second = Math.ceil(now.getTime() / 1_000) * 1_000;
  const after = (count: number) => new Date(second + count * DAY_MS).toISOString();
  return { mode, partsUntil: after(days), manifestUntil: after(manifestDays) };
}

/** A snapshot that was sealed and may lack locks. */
export interface SealedRequest {
  readonly poolId: string;
  readonly snapshot: string;
  /** Of its manifest, in hex. */
  readonly sha256: string;
}

/**
 * Locks every object of a sealed snapshot until the dates that its manifest promises, and the manifest
 * and its signature last. Running it again changes nothing. A date that has passed locks nothing.
 *
 * @param versions the ids of the versions that this run stored, by key.
 * @throws ActionRequiredError if an object is no longer as it was sealed.
 */
export async function lockSnapshot(
  destination: Destination,
  { poolId, snapshot, sha256 }: SealedRequest,
  versions: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const key = manifestKey(poolId, snapshot);
  const bytes = await readWhole(destination, key, signal);
  const manifest = bytes && hashOf(bytes) === sha256 ? parseManifest(bytes) : null;
  if (bytes === null || manifest === null || 'problem' in manifest) {
    throw archiveUrlError(
      `the manifest ${key} is not as it was sealed, so the snapshot was not locked.`,
      'Run `cognito-mirror verify`, restore the manifest, then run the command again.',
    );
  }
  if (manifest.lock === undefined) return;
  const parts = manifest.objects.map(
    (object): LockTarget => ({ ...object, versionId: versions.get(object.key) ?? null }),
  );
  const signature = await readWhole(destination, signatureKey(key), signal);
  const documents = [
    describe(key, bytes),
    ...(signature === null ? [] : [describe(signatureKey(key), signature)]),
  ];
  const { mode, partsUntil, manifestUntil } = manifest.lock;
  await lockAll(destination, parts, { mode, until: partsUntil }, signal);
  await lockAll(destination, documents, { mode, until: manifestUntil }, signal);
}

/** Locks the parts of a revision as long as the manifest promises for those of the snapshot. */
export async function lockParts(
  destination: Destination,
  parts: readonly ManifestObject[],
  { mode, partsUntil: until }: LockPromise,
  signal: AbortSignal,
): Promise<void> {
  const targets = parts.map((part): LockTarget => ({ ...part, versionId: null }));
  await lockAll(destination, targets, { mode, until }, signal);
}

/** Locks a document beside a manifest, and its signature if it has one, as long from now as manifests. */
export async function lockAmendment(
  destination: Destination,
  key: string,
  lock: ArchiveLock,
  signal: AbortSignal,
): Promise<void> {
  const { mode, manifestUntil: until } = promiseLock(lock, new Date());
  const documents: LockTarget[] = [];
  for (const each of [key, signatureKey(key)]) {
    const bytes = await readWhole(destination, each, signal);
    if (bytes !== null) documents.push(describe(each, bytes));
  }
  await lockAll(destination, documents, { mode, until }, signal);
}

async function lockAll(
  destination: Destination,
  targets: readonly LockTarget[],
  { mode, until: date }: { readonly mode: LockPromise['mode']; readonly until: string },
  signal: AbortSignal,
): Promise<void> {
  const until = new Date(date);
  if (until <= new Date()) return;
  await mapParallel(targets, PARALLEL, (target) =>
    destination.lock(target, { mode, until }, signal),
  );
}

/** The current version of a small object, which was just read. */
function describe(key: string, bytes: Buffer): LockTarget {
  return { key, bytes: bytes.length, sha256: hashOf(bytes), versionId: null };
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
