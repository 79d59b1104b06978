import {
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  type HeadObjectCommandOutput,
  type ObjectLockRetentionMode,
  PutObjectRetentionCommand,
} from '@aws-sdk/client-s3';
import type { LockMode } from '../../model/object-lock.ts';
import type { LockState, Retention } from '../destination.ts';
import type { Bucket } from './bucket.ts';
import { getErrorName, getHttpStatus, noObjectLockError } from './s3-errors.ts';

/** A version of an object, by its full key. */
interface Version {
  readonly Key: string;
  readonly VersionId: string | undefined;
}

interface Options {
  readonly abortSignal: AbortSignal;
}

/** Requires that a bucket has Object Lock. */
export async function requireObjectLock(
  { client, name: Bucket }: Bucket,
  options: Options,
): Promise<void> {
  const command = new GetObjectLockConfigurationCommand({ Bucket });
  const { ObjectLockConfiguration } = await client.send(command, options);
  if (ObjectLockConfiguration?.ObjectLockEnabled !== 'Enabled') throw noObjectLockError(Bucket);
}

/**
 * Tries the calls that a lock needs with an existing version, and locks nothing: the date is in the
 * past, which S3 refuses after it has checked the permission.
 */
export async function tryLock(
  { client, name: Bucket }: Bucket,
  version: Version,
  lockMode: LockMode,
  options: Options,
): Promise<void> {
  const Retention = { Mode: toMode(lockMode), RetainUntilDate: new Date(0) };
  const put = new PutObjectRetentionCommand({ Bucket, ...version, Retention });
  await client.send(put, options).catch(ignoreAnswered);
  const get = new GetObjectRetentionCommand({ Bucket, ...version });
  await client.send(get, options).catch(ignoreAnswered);
}

/**
 * Ignores refusals of a call that the server permits. Servers without GetObjectRetention, such as moto,
 * answer 200 with the object: they show the lock in HeadObject, which is what counts.
 */
function ignoreAnswered(error: unknown): void {
  const status = getHttpStatus(error) ?? 0;
  if (![200, 400, 404].includes(status)) throw error;
}

/** How a version is locked, as HeadObject shows it. S3 hides that without s3:GetObjectRetention. */
export function readRetention(head: HeadObjectCommandOutput): Retention | null {
  const { ObjectLockMode: mode, ObjectLockRetainUntilDate: until } = head;
  if (mode === undefined || until === undefined) return null;
  return { mode: mode === 'COMPLIANCE' ? 'compliance' : 'governance', until };
}

/**
 * Locks a version, unless it is locked as strongly and as long. Never weakens a lock: S3 refuses that
 * too, as the request does not ask to bypass governance.
 */
export async function lockVersion(
  { client, name: Bucket }: Bucket,
  version: Version,
  { existing, wanted }: { readonly existing: Retention | null; readonly wanted: Retention },
  options: Options,
): Promise<void> {
  const isLocked = existing !== null && existing.until > new Date();
  const mode = isLocked && existing.mode === 'compliance' ? existing.mode : wanted.mode;
  const until = isLocked && existing.until > wanted.until ? existing.until : wanted.until;
  if (isLocked && existing.mode === mode && existing.until.getTime() === until.getTime()) return;
  const Retention = { Mode: toMode(mode), RetainUntilDate: until };
  await client.send(new PutObjectRetentionCommand({ Bucket, ...version, Retention }), options);
}

/** Finds out why HeadObject showed no lock of an object. */
export async function explainNoLock(
  { client, name: Bucket }: Bucket,
  version: Version,
  options: Options,
): Promise<LockState> {
  const command = new GetObjectRetentionCommand({ Bucket, ...version });
  try {
    await client.send(command, options);
  } catch (error) {
    if (getHttpStatus(error) === 403) return { state: 'hidden' };
    // "Bucket is missing Object Lock Configuration"
    if (getErrorName(error) === 'InvalidRequest') return { state: 'unsupported' };
    if (getHttpStatus(error) === 405 || getHttpStatus(error) === 501) {
      return { state: 'unsupported' };
    }
    const status = getHttpStatus(error);
    if (status !== 200 && getErrorName(error) !== 'NoSuchObjectLockConfiguration') throw error;
  }
  return { state: 'unlocked' };
}

function toMode(mode: LockMode): ObjectLockRetentionMode {
  return mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE';
}
