import { ActionRequiredError } from '../model/errors.ts';
import { snapshotId } from '../model/snapshot.ts';
import { type ManifestContent, parseManifest } from './manifest.ts';

/** What a snapshot is known by, besides its rows: two databases never agree in it. */
type Snapshot = Pick<ManifestContent, 'poolId' | 'snapshotAt' | 'walkedAt' | 'publishedAt'>;

/**
 * A sealed archive is never overwritten: what would change one stops the run.
 *
 * @param sealed the manifest that is there; null where it is gone again.
 */
export function explainDifferentManifest(
  snapshot: Snapshot,
  sealed: Buffer | null,
): ActionRequiredError {
  const name = `${snapshot.poolId}/${snapshotId(snapshot.snapshotAt)}`;
  const problem = `it holds a sealed archive of ${name} with other content than this run's`;
  return new ActionRequiredError([
    isFromAnotherMirror(snapshot, sealed)
      ? {
          subject: 'ARCHIVE_URL',
          problem: `${problem}: another mirror, with another database, sealed this snapshot there.`,
          remedy:
            'Give each database an ARCHIVE_URL of its own: the other keeps this one, and here a new chain begins at an empty destination.',
        }
      : {
          subject: 'ARCHIVE_URL',
          problem: `${problem}.`,
          remedy:
            'Archive it with the program version and the ARCHIVE_FORMATS that its manifest shows, or set ARCHIVE_URL to another destination.',
        },
  ]);
}

/** True where a manifest is of the same pool and second, but of the snapshot of another database. */
export function isFromAnotherMirror(
  { walkedAt, publishedAt }: Snapshot,
  sealed: Buffer | null,
): boolean {
  const manifest = sealed && parseManifest(sealed);
  return (
    manifest !== null &&
    (manifest.walkedAt !== walkedAt.toISOString() ||
      manifest.publishedAt !== publishedAt.toISOString())
  );
}
