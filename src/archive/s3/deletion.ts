import { DeleteObjectsCommand } from '@aws-sdk/client-s3';
import type { Bucket } from './bucket.ts';
import { nameCall } from './s3-errors.ts';

/** Keys that one DeleteObjects call takes. */
const BATCH = 1_000;

interface DeletionError {
  readonly Key?: string | undefined;
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
}

/** Deletes objects, by their whole keys; returns the refusals, which DeleteObjects lists one by one. */
export async function deleteObjects(
  bucket: Bucket,
  keys: readonly string[],
  options: { abortSignal: AbortSignal },
): Promise<DeletionError[]> {
  const refused: DeletionError[] = [];
  for (let start = 0; start < keys.length; start += BATCH) {
    const Objects = keys.slice(start, start + BATCH).map((Key) => ({ Key }));
    const command = new DeleteObjectsCommand({
      Bucket: bucket.name,
      Delete: { Objects, Quiet: true },
    });
    const { Errors = [] } = await bucket.client.send(command, options);
    refused.push(...Errors);
  }
  return refused;
}

/** True where an object is retained, by Object Lock or a server's own kind of it. */
export function isLocked({ Message = '' }: DeletionError): boolean {
  return /object.?lock|worm|retention|legal.?hold/i.test(Message);
}

/** A refusal of one object's deletion as an error: DeleteObjects answers 200 and lists what it refused. */
export function refusedDeletion({ Code: name = 'unknown error' }: DeletionError): unknown {
  const $metadata = { httpStatusCode: name === 'AccessDenied' ? 403 : 500 };
  return nameCall(Object.assign(new Error(), { name, $metadata }), 'DeleteObjects');
}
