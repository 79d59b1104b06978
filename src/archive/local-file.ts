import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** A finished file on this machine, and what its bytes must be wherever they go. */
export interface LocalFile {
  readonly path: string;
  readonly bytes: number;
  /** In lower-case hex. */
  readonly sha256: string;
}

/** Reads a file once for its size and SHA-256, in constant memory. */
export async function describeFile(path: string, signal?: AbortSignal): Promise<LocalFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(
    createReadStream(path, { highWaterMark: 1 << 18 }),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
      }
    },
    signal ? { signal } : {},
  );
  return { path, bytes, sha256: hash.digest('hex') };
}
