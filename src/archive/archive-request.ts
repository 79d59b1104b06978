import type { ManifestLink } from './manifest.ts';
import type { PartsRequest } from './write-parts.ts';

/** What is known of a published snapshot before its archive is written. */
export interface ArchiveRequest extends PartsRequest {
  /** The last manifest before this one that the database knows to be sealed at the destination. */
  readonly previous: ManifestLink | null;
}

/** What an archive came to. */
export interface ArchiveResult {
  /** The manifest's key. */
  readonly manifest: string;
  readonly manifestSha256: string;
  /** The stored parts and their bytes, the manifest apart. */
  readonly objects: number;
  readonly bytes: number;
}
