import { ActionRequiredError } from '../../model/errors.ts';
import type { Moment, Point } from '../../model/history.ts';
import { snapshotId } from '../../model/snapshot.ts';
import type { SealedSnapshot } from '../sealed-snapshot.ts';
import type { ArchiveContext } from './context.ts';

const toMoment = ({ snapshot, snapshotAt }: SealedSnapshot): Moment => ({ snapshot, snapshotAt });

/** The newest snapshots, at most `limit`, the newest first. */
export function listNewest({ snapshots }: ArchiveContext, limit: number): Moment[] {
  return snapshots.slice(-limit).reverse().map(toMoment);
}

/** The newest snapshot at a time. @throws ActionRequiredError if it is before the first */
export function findCurrentAt({ poolId, snapshots }: ArchiveContext, at: Date): Moment {
  const found = snapshots.findLast(({ snapshotAt }) => snapshotAt <= at);
  if (found !== undefined) return toMoment(found);
  throw ActionRequiredError.of(
    poolId,
    `its archive begins with ${snapshots[0]?.snapshot}, after this time.`,
    'Give a later time.',
  );
}

/** The snapshot with this time. */
export function findSnapshot(context: ArchiveContext, subject: string, snapshotAt: Date): Point {
  const id = snapshotId(snapshotAt);
  const found = context.sealed.find(({ snapshot }) => snapshot === id);
  if (found === undefined) {
    throw ActionRequiredError.of(
      subject,
      `the archive has no snapshot ${id} of ${context.poolId}.`,
      describeSnapshots(context),
    );
  }
  if (!found.isRemoved) return { ...toMoment(found), staged: null };
  throw ActionRequiredError.of(
    subject,
    `the objects of ${id} were removed from the archive. Only its manifest remains.`,
    describeSnapshots(context),
  );
}

/** Why the pool has no snapshot to ask about: the caller knows that it has manifests. */
export function explainEmpty({ poolId, url }: ArchiveContext): ActionRequiredError {
  return ActionRequiredError.of(
    url,
    `the objects of every snapshot of ${poolId} were removed from the archive.`,
    'Ask the database: leave out --archive.',
  );
}

/** The error for a state that no archive has. */
export function notArchivedError(subject: string, text: string): ActionRequiredError {
  return ActionRequiredError.of(
    subject,
    `\`${text}\` is not in an archive: it needs the database.`,
    'Leave out --archive.',
  );
}

function describeSnapshots({ snapshots }: ArchiveContext): string {
  const [first, last] = [snapshots[0], snapshots.at(-1)];
  if (first === undefined || last === undefined) return 'No snapshot of it can be read there.';
  const range = first === last ? `only ${first.snapshot}` : `${first.snapshot} to ${last.snapshot}`;
  return `It has ${range}. Give one of these, or a time.`;
}
