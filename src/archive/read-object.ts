import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ResumableError } from '../model/errors.ts';
import type { Destination, Digest, LocalFile } from './destination.ts';
import { MAX_DOCUMENT_BYTES, OversizeError } from './errors.ts';

/** A response can break off; a command that reads for hours should not fail for that. */
const ATTEMPTS = 4;
const WAIT_MS = 500;

/**
 * Reads something, and reads it again if that failed with an error that may pass.
 *
 * @throws the last ResumableError, or any other error at once
 */
export async function retryReading<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ResumableError) || attempt === ATTEMPTS) throw error;
      await delay(WAIT_MS * attempt, undefined, { signal });
    }
  }
}

/**
 * The chunks of an object's stream.
 *
 * @throws ResumableError if it breaks off
 */
export async function* readChunks(
  stream: AsyncIterable<Buffer>,
  { url }: Destination,
  key: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (cause) {
    signal.throwIfAborted();
    throw new ResumableError(
      `${url}: reading ${key} failed before its end. Run the command again.`,
      { cause },
    );
  }
}

/** Counts and hashes bytes in constant memory. */
async function computeDigest(chunks: AsyncIterable<Uint8Array>): Promise<Digest> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Reads a file once for its size and SHA-256. */
export async function describeFile(path: string, signal?: AbortSignal): Promise<LocalFile> {
  const source = createReadStream(path, { highWaterMark: 1 << 18 });
  return { path, ...(await pipeline(source, computeDigest, signal ? { signal } : {})) };
}

/**
 * Reads a document into memory. Returns null if it does not exist.
 *
 * @throws OversizeError if it has more than `MAX_DOCUMENT_BYTES`
 */
export async function readWhole(
  destination: Destination,
  key: string,
  signal: AbortSignal,
): Promise<Buffer | null> {
  const stream = await destination.read(key, signal);
  if (stream === null) return null;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of readChunks(stream, destination, key, signal)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_DOCUMENT_BYTES) throw new OversizeError(key);
  }
  return Buffer.concat(chunks);
}

/** Hashes an object of any size. Returns its SHA-256 in hex, or null if it does not exist. */
export async function hashObject(
  destination: Destination,
  key: string,
  signal: AbortSignal,
): Promise<string | null> {
  const stream = await destination.read(key, signal);
  if (stream === null) return null;
  return (await computeDigest(readChunks(stream, destination, key, signal))).sha256;
}

/** Reads an object back. Returns true if it exists and has these bytes. */
export async function isStored(
  destination: Destination,
  { key, bytes, sha256 }: Digest & { readonly key: string },
  signal: AbortSignal,
  versionId?: string,
): Promise<boolean> {
  const stream = await destination.read(key, signal, versionId);
  if (stream === null) return false;
  const stored = await computeDigest(readChunks(stream, destination, key, signal));
  return stored.bytes === bytes && stored.sha256 === sha256;
}
