import { setTimeout as delay } from 'node:timers/promises';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { Bucket } from './bucket.ts';
import { statusOf } from './s3-errors.ts';
import { putWhole } from './upload.ts';

/** How often a write that met another of the same key is made again. */
const CONFLICTS = 5;
const CONFLICT_MS = 200;

/**
 * Stores bytes in one request, only where there is no object. On a server that ignores the
 * condition, a listing shows whether there is one: two writes within the same moment are then both
 * made.
 *
 * @returns true where it stored them, false where an object is there.
 */
export async function putIfNone(
  bucket: Bucket,
  key: string,
  body: Buffer,
  checksum: string,
  options: { abortSignal: AbortSignal },
): Promise<boolean> {
  if (bucket.ignoresConditions && (await exists(bucket, key, options))) return false;
  const condition = bucket.ignoresConditions ? {} : ({ IfNoneMatch: '*' } as const);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await putWhole(bucket, key, body, checksum, options, condition);
      return true;
    } catch (error) {
      if (statusOf(error) === 412) return false;
      // Another write of the key was under way: by S3's own word, to be tried again.
      if (statusOf(error) !== 409 || attempt === CONFLICTS) throw error;
      await delay(Math.random() * CONFLICT_MS, undefined, { signal: options.abortSignal });
    }
  }
}

async function exists(
  { client, name: Bucket }: Bucket,
  key: string,
  options: { abortSignal: AbortSignal },
): Promise<boolean> {
  const list = new ListObjectsV2Command({ Bucket, Prefix: key, MaxKeys: 1 });
  const { Contents = [] } = await client.send(list, options);
  return Contents[0]?.Key === key;
}
