import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Destination } from './destination.ts';
import type { ManifestObject } from './manifest.ts';
import { readChunks, retryReading } from './read-object.ts';
import { untrustedError } from './sealed-snapshot.ts';

/**
 * Reads a part, compares it with what its document says, and writes it to a file of this machine.
 *
 * @param path null only compares.
 * @throws ActionRequiredError if the part is missing or altered; ResumableError if it cannot be read.
 */
export async function copySealed(
  destination: Destination,
  object: Pick<ManifestObject, 'key' | 'bytes' | 'sha256'>,
  path: string | null,
  signal: AbortSignal,
): Promise<void> {
  await retryReading(() => copyOnce(destination, object, path, signal), signal);
}

async function copyOnce(
  destination: Destination,
  { key, bytes, sha256 }: Pick<ManifestObject, 'key' | 'bytes' | 'sha256'>,
  path: string | null,
  signal: AbortSignal,
): Promise<void> {
  const { url } = destination;
  const stream = await destination.read(key, signal);
  if (stream === null) {
    throw untrustedError(url, key, 'Its manifest names it, but it is not there.');
  }
  const hash = createHash('sha256');
  let size = 0;
  const file = path === null ? null : await open(path, 'w', 0o600);
  try {
    for await (const chunk of readChunks(stream, destination, key, signal)) {
      hash.update(chunk);
      size += chunk.length;
      await file?.writeFile(chunk);
    }
  } finally {
    await file?.close();
  }
  if (size === bytes && hash.digest('hex') === sha256) return;
  throw untrustedError(url, key, 'Its SHA-256 is not the one that its manifest has.');
}
