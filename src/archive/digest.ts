import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** What bytes are, wherever they are kept. */
export interface Digest {
  readonly bytes: number;
  /** In lower-case hex. */
  readonly sha256: string;
}

/** Counts and hashes bytes as they come, in constant memory. */
export async function computeDigest(chunks: AsyncIterable<Uint8Array>): Promise<Digest> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** A finished file on this machine, and what its bytes must be wherever they go. */
export interface LocalFile extends Digest {
  readonly path: string;
}

/** Reads a file once for its size and SHA-256. */
export async function describeFile(path: string, signal?: AbortSignal): Promise<LocalFile> {
  const source = createReadStream(path, { highWaterMark: 1 << 18 });
  return { path, ...(await pipeline(source, computeDigest, signal ? { signal } : {})) };
}
