import { listSealed } from './chain.ts';
import { type Destination, readWhole } from './destination.ts';
import { manifestKey } from './layout.ts';
import { type ParsedManifest, parseManifest } from './manifest.ts';

/**
 * The pool's newest manifest at a destination, with its key; null where there is none, or none that
 * can be understood. It lists and reads, and writes nothing.
 */
export async function lastSealed(
  destination: Destination,
  poolId: string,
  signal: AbortSignal,
): Promise<{ key: string; objects: ParsedManifest['objects'] } | null> {
  const newest = (await listSealed(destination, poolId, signal)).at(-1);
  if (newest === undefined) return null;
  const key = manifestKey(poolId, newest);
  const bytes = await readWhole(destination, key, signal);
  const manifest = bytes && parseManifest(bytes);
  return manifest && { key, objects: manifest.objects };
}
