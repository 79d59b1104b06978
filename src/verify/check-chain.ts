import { manifestKey } from '../archive/layout.ts';
import type { ParsedManifest } from '../archive/manifest.ts';
import type { Finding } from './findings.ts';

/** A snapshot's manifest at its place in the chain. */
export interface ChainLink {
  readonly poolId: string;
  readonly snapshot: string;
  readonly manifest: Pick<ParsedManifest, 'previous'>;
  /** The ids of the pool's manifests before it, oldest first. */
  readonly earlier: readonly string[];
  /** The SHA-256 of the newest of them; null if it is missing. */
  readonly previousSha256: string | null;
  /** The first snapshot of a range: what it follows may be gone, if that is before the range. */
  readonly startsRange: boolean;
}

/** Checks that a manifest follows the one that was sealed before it. Returns what is wrong, or null. */
export function checkLink(link: ChainLink): Finding | null {
  const { poolId, snapshot, earlier, previousSha256, startsRange } = link;
  const { previous } = link.manifest;
  const before = earlier.at(-1) ?? null;
  const key = manifestKey(poolId, snapshot);
  const broken = (detail: string): Finding => ({ code: 'broken-chain', key, snapshot, detail });
  if (previous === null) {
    if (before === null) return null;
    return broken(`It says that it is the first, but ${before} is before it.`);
  }
  if (previous.snapshot >= snapshot) return broken(`It follows ${previous.snapshot}, a later one.`);
  if (!earlier.includes(previous.snapshot)) {
    if (startsRange && before === null) return null;
    return {
      code: 'missing',
      key: manifestKey(poolId, previous.snapshot),
      snapshot: previous.snapshot,
      detail: `${snapshot} follows it. Snapshots before it may be missing too.`,
    };
  }
  if (previous.snapshot !== before) {
    return broken(`It follows ${previous.snapshot}, but ${before} is between the two.`);
  }
  if (previous.sha256 === previousSha256) return null;
  return broken(
    `It follows ${before} with SHA-256 ${previous.sha256}, but that manifest has ${previousSha256}. One of the two was changed.`,
  );
}
