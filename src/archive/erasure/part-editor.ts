import type { ChangeCounts } from '../../model/change-counts.ts';
import type { ArchivedDataset } from '../../model/snapshot.ts';
import type { FoundPerson, PersonFilter } from './persons.ts';

/** What a part has after persons were removed from it. */
export interface ErasedPart {
  readonly rows: number;
  readonly removed: number;
  /** Of a part of `changes`. */
  readonly changes: ChangeCounts | null;
}

/** A part that is a file of this machine. */
export interface PartFile {
  readonly path: string;
  readonly dataset: ArchivedDataset;
}

/** Finds persons in the parts of one format, and removes them. Every other row stays as it is. */
export interface PartEditor {
  /**
   * Finds the persons whose username or `sub` is one of these texts.
   *
   * @throws ResumableError if the file cannot be read
   */
  search(
    part: PartFile,
    texts: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<readonly FoundPerson[]>;

  /** Writes a copy of a part without the rows of persons. */
  erase(
    part: PartFile,
    persons: PersonFilter,
    to: string,
    signal: AbortSignal,
  ): Promise<ErasedPart>;
}
