import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type Digest, digestOf } from './digest.ts';

/** A finished file on this machine, and what its bytes must be wherever they go. */
export interface LocalFile extends Digest {
  readonly path: string;
}

/** Reads a file once for its size and SHA-256. */
export async function describeFile(path: string, signal?: AbortSignal): Promise<LocalFile> {
  const source = createReadStream(path, { highWaterMark: 1 << 18 });
  return { path, ...(await pipeline(source, digestOf, signal ? { signal } : {})) };
}
