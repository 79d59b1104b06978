import type { Destination } from '../archive/destination.ts';
import { type Person, PersonFilter } from '../archive/erasure/persons.ts';
import { ActionRequiredError } from '../model/errors.ts';
import {
  completeSnapshot,
  type RevisedSnapshot,
  type RevisionOptions,
  reviseSnapshot,
} from './revise-snapshot.ts';
import type { SealedState, SearchedSnapshot } from './search-archive.ts';

/**
 * Removes persons from the archive of a pool: revises each snapshot that holds one, and completes what
 * earlier runs left. Running it again changes nothing.
 *
 * @returns the snapshots that were written, oldest first
 * @throws ActionRequiredError if manifests are signed and no key could sign a revision.
 */
export async function eraseFromArchive(
  destination: Destination,
  poolId: string,
  searched: readonly SearchedSnapshot[],
  persons: readonly Person[],
  options: RevisionOptions & {
    /** Called after each snapshot that was written. */
    readonly onRevised?: (revised: RevisedSnapshot) => Promise<void>;
  },
): Promise<RevisedSnapshot[]> {
  const filter = new PersonFilter(persons);
  const holds = ({ found }: SearchedSnapshot) =>
    [...found.values()].flat().some((person) => filter.isAbout(person));
  requireSigner(poolId, searched.filter(holds), options);
  const revised: RevisedSnapshot[] = [];
  for (const each of searched) {
    const done = holds(each)
      ? await reviseSnapshot(destination, poolId, each, persons, options)
      : await completeSnapshot(destination, poolId, each, options);
    if (done === null) continue;
    revised.push(done);
    await options.onRevised?.(done);
  }
  return revised;
}

/** An unsigned revision would change nothing for those who verify. */
export function requireSigner(
  poolId: string,
  states: readonly SealedState[],
  { signer }: Pick<RevisionOptions, 'signer'>,
): void {
  if (signer !== null || !states.some(({ needsSignature }) => needsSignature)) return;
  throw ActionRequiredError.of(
    'ARCHIVE_SIGNING_KEY',
    `it is not set, and the manifests of ${poolId} are signed. \`verify\` would not accept an unsigned revision.`,
    'Set it to the key that signs the manifests.',
  );
}
