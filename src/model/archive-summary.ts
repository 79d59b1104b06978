import type { LockMode } from './object-lock.ts';
import type { ArchivedDataset } from './snapshot.ts';

/** The parts of one dataset in one format. */
export interface PartsSummary {
  readonly format: string;
  readonly dataset: ArchivedDataset;
  readonly parts: number;
  readonly rows: number;
  readonly bytes: number;
}

/** What the manifest of a snapshot says, in short. */
export interface ArchiveSummary {
  readonly parts: readonly PartsSummary[];
  /** The fingerprint of the key that signed the manifest, as `ssh-keygen -l` prints it; null if none did. */
  readonly signedBy: string | null;
  /** How long its objects are locked, as ISO 8601; null: they are not. */
  readonly lock: {
    readonly mode: LockMode;
    readonly partsUntil: string;
    readonly manifestUntil: string;
  } | null;
}
