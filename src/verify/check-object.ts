import { createHash } from 'node:crypto';
import type { Destination } from '../archive/destination.ts';
import type { ManifestObject } from '../archive/manifest.ts';
import { readChunks, retryReading } from '../archive/read-object.ts';
import type { ContentCheck } from './check-content.ts';
import { ContentError } from './content-error.ts';
import type { FindingCode } from './findings.ts';

/** What is wrong with one object. */
export interface ObjectProblem {
  readonly code: FindingCode;
  /** A sentence. */
  readonly detail: string;
}

/**
 * Reads an object once, and compares its bytes with the manifest and its content with the contract.
 *
 * @param openCheck checks the content; null if it cannot be checked.
 * @returns null if nothing is wrong.
 * @throws ResumableError if it cannot be read.
 */
export async function readObject(
  destination: Destination,
  object: ManifestObject,
  openCheck: (object: ManifestObject) => Promise<ContentCheck | null>,
  signal: AbortSignal,
): Promise<ObjectProblem | null> {
  return retryReading(async () => {
    const check = await openCheck(object);
    try {
      return await readOnce(destination, object, check, signal);
    } finally {
      await check?.close();
    }
  }, signal);
}

async function readOnce(
  destination: Destination,
  object: ManifestObject,
  check: ContentCheck | null,
  signal: AbortSignal,
): Promise<ObjectProblem | null> {
  const stream = await destination.read(object.key, signal);
  if (stream === null) return MISSING;
  const hash = createHash('sha256');
  let bytes = 0;
  let content: ContentError | null = null;
  const keepProblem = async (work: () => Promise<void>) => {
    try {
      if (content === null) await work();
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      content = error;
    }
  };
  for await (const chunk of readChunks(stream, destination, object.key, signal)) {
    // Of bytes after the sealed ones, only the number counts.
    hash.update(chunk.subarray(0, Math.max(0, object.bytes - bytes)));
    bytes += chunk.length;
    await keepProblem(async () => check?.write(chunk));
  }
  const problem = compareBytes(object, { bytes, sha256: hash.digest('hex') });
  if (problem !== null) return problem;
  await keepProblem(async () => check?.end());
  return content && describeContent(content);
}

function describeContent({ code, message }: ContentError): ObjectProblem {
  return { code, detail: message };
}

/** An object that was listed, or that a manifest names, is not there. */
export const MISSING: ObjectProblem = { code: 'missing', detail: 'Its manifest names it.' };

/**
 * Compares an object with its manifest by size alone, or also by hash.
 *
 * @param found `sha256` is that of at most as many bytes as were sealed; undefined if not known.
 */
export function compareBytes(
  sealed: Pick<ManifestObject, 'bytes' | 'sha256'>,
  found: { readonly bytes: number; readonly sha256?: string },
): ObjectProblem | null {
  const sizes = `It has ${found.bytes} bytes, and its manifest says ${sealed.bytes}`;
  const isSame = found.sha256 === undefined || found.sha256 === sealed.sha256;
  if (found.bytes < sealed.bytes) return { code: 'truncated', detail: `${sizes}.` };
  if (!isSame) {
    const detail = `Its SHA-256 is not ${sealed.sha256}, as its manifest says.`;
    return { code: 'altered', detail };
  }
  return found.bytes > sealed.bytes ? { code: 'appended', detail: `${sizes}.` } : null;
}
