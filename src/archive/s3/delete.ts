import { DeleteObjectsCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { mapParallel } from '../../common/parallel.ts';
import type { ProtectedObject } from '../destination.ts';
import type { Bucket } from './bucket.ts';
import { getHttpStatus, nameCall } from './s3-errors.ts';
import { listVersions } from './versions.ts';

/** The most objects of one DeleteObjects call. */
const BATCH = 1_000;
/** Versions whose protection is read at the same time. */
const PARALLEL = 8;

interface Target {
  readonly Key: string;
  readonly VersionId?: string;
}

/** One object that DeleteObjects did not delete: it answers 200 and lists what it refused. */
export interface DeletionError {
  readonly Key?: string | undefined;
  readonly VersionId?: string | undefined;
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
}

/**
 * Deletes objects by their full keys; in a bucket with versions, every version and delete marker of
 * them. What is locked becomes visible again, as the markers over it go.
 *
 * @returns the objects of which a version stays, by full key.
 */
export async function deleteObjects(
  bucket: Bucket,
  keys: readonly string[],
  options: { abortSignal: AbortSignal },
): Promise<ProtectedObject[]> {
  return deleteTargets(bucket, await findTargets(bucket, keys, options), options);
}

/** Finds the objects of which `deleteObjects` would leave a version, by full key. It deletes nothing. */
export async function findProtected(
  bucket: Bucket,
  keys: readonly string[],
  options: { abortSignal: AbortSignal },
): Promise<ProtectedObject[]> {
  const targets = await findTargets(bucket, keys, options);
  const found = await mapParallel(targets, PARALLEL, (target) =>
    readProtection(bucket, target, options).catch((error: unknown) => {
      // It does not exist, or it is a delete marker.
      if ([404, 405].includes(getHttpStatus(error) ?? 0)) return null;
      throw error;
    }),
  );
  const stay = new Map<string, ProtectedObject>();
  for (const each of found) if (each !== null) stay.set(each.key, merge(stay.get(each.key), each));
  return [...stay.values()];
}

/** As `deleteObjects`, but names no versions: in a bucket with versions it adds delete markers. */
export async function hideObjects(
  bucket: Bucket,
  keys: readonly string[],
  options: { abortSignal: AbortSignal },
): Promise<ProtectedObject[]> {
  return deleteTargets(
    bucket,
    keys.map((Key) => ({ Key })),
    options,
  );
}

/** Deletes one version of an object, and none that somebody stored before or after. */
export async function deleteVersion(
  bucket: Bucket,
  Key: string,
  VersionId: string | undefined,
  options: { abortSignal: AbortSignal },
): Promise<void> {
  await deleteTargets(bucket, [VersionId === undefined ? { Key } : { Key, VersionId }], options);
}

/**
 * What stands for these keys: in a bucket with versions, every version and delete marker of them, found
 * with one listing for each folder.
 */
async function findTargets(
  bucket: Bucket,
  keys: readonly string[],
  options: { abortSignal: AbortSignal },
): Promise<Target[]> {
  if (!bucket.keepsVersions) return keys.map((Key) => ({ Key }));
  const wanted = new Set(keys);
  const folders = new Map<string, string[]>();
  for (const key of wanted) {
    const folder = key.slice(0, key.lastIndexOf('/'));
    folders.set(folder, [...(folders.get(folder) ?? []), key]);
  }
  const targets: Target[] = [];
  for (const own of folders.values()) {
    for await (const { key, versionId } of listVersions(bucket, commonPrefix(own), options)) {
      if (wanted.has(key)) targets.push({ Key: key, VersionId: versionId });
    }
  }
  return targets;
}

function commonPrefix(texts: readonly string[]): string {
  const [first = '', ...rest] = texts;
  let length = first.length;
  for (const text of rest) {
    while (!text.startsWith(first.slice(0, length))) length -= 1;
  }
  return first.slice(0, length);
}

/** @returns what stays because it is protected. Throws if anything else was refused. */
async function deleteTargets(
  bucket: Bucket,
  targets: readonly Target[],
  options: { abortSignal: AbortSignal },
): Promise<ProtectedObject[]> {
  const stay = new Map<string, ProtectedObject>();
  for (let start = 0; start < targets.length; start += BATCH) {
    const Objects = targets.slice(start, start + BATCH);
    const command = new DeleteObjectsCommand({
      Bucket: bucket.name,
      Delete: { Objects, Quiet: true },
    });
    const { Errors = [] } = await bucket.client.send(command, options);
    for (const refusal of Errors) {
      const found = await findProtection(bucket, refusal, options);
      if (found === null) throw createDeletionError(refusal);
      stay.set(found.key, merge(stay.get(found.key), found));
    }
  }
  return [...stay.values()];
}

/** The protection of an object of which several versions are locked ends with the last of them. */
function merge(a: ProtectedObject | undefined, b: ProtectedObject): ProtectedObject {
  if (a === undefined) return b;
  const { until } = a.until === null || (b.until && b.until < a.until) ? a : b;
  return { key: a.key, until, isHeld: a.isHeld || b.isHeld };
}

/** Finds out what protects a version that was not deleted. Null: nothing does. */
async function findProtection(
  bucket: Bucket,
  refusal: DeletionError,
  options: { abortSignal: AbortSignal },
): Promise<ProtectedObject | null> {
  const { Key = '', VersionId } = refusal;
  const target = { Key, ...(VersionId && { VersionId }) };
  const found = await readProtection(bucket, target, options).catch(() => null);
  // Without the right to see the lock, the refusal alone tells.
  const refused = isRetained(refusal) ? { key: Key, until: null, isHeld: false } : null;
  return found ?? refused;
}

/** Reads what protects a version. Null: nothing does, or this reader may not see it. */
async function readProtection(
  { client, name: Bucket }: Bucket,
  target: Target,
  options: { abortSignal: AbortSignal },
): Promise<ProtectedObject | null> {
  const found = await client.send(new HeadObjectCommand({ Bucket, ...target }), options);
  const retained = found.ObjectLockRetainUntilDate;
  const until = retained !== undefined && retained > new Date() ? retained : null;
  const isHeld = found.ObjectLockLegalHoldStatus === 'ON';
  return until !== null || isHeld ? { key: target.Key, until, isHeld } : null;
}

/** Returns true if Object Lock, or a server's own version of it, retains the object. */
export function isRetained({ Message = '' }: DeletionError): boolean {
  return /object.?lock|worm|retention|legal.?hold/i.test(Message);
}

/** Converts a refused deletion to the error that a failed call would give. */
export function createDeletionError(refusal: DeletionError): unknown {
  const { Code: name = 'unknown error', VersionId } = refusal;
  const $metadata = { httpStatusCode: name === 'AccessDenied' ? 403 : 500 };
  const call = VersionId === undefined ? 'DeleteObjects' : 'DeleteObjectVersions';
  return nameCall(Object.assign(new Error(), { name, $metadata }), call);
}
