import { createHash } from 'node:crypto';

/** What bytes are, wherever they are kept. */
export interface Digest {
  readonly bytes: number;
  /** In lower-case hex. */
  readonly sha256: string;
}

/** Counts and hashes bytes as they come, in constant memory. */
export async function digestOf(chunks: AsyncIterable<Uint8Array>): Promise<Digest> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
