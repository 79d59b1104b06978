import { ActionRequiredError } from '../model/errors.ts';
import { type SnapshotKey, snapshotId } from '../model/snapshot.ts';

/** The error for a snapshot whose stage hides other attributes than this process would. */
export function otherRulesError({ poolId, snapshotAt }: SnapshotKey): ActionRequiredError {
  return ActionRequiredError.of(
    `${poolId}/${snapshotId(snapshotAt)}`,
    'it was read with other privacy rules, or another MIRROR_HASH_KEY, than this process has.',
    'Give all processes the same rules, discard this snapshot, and take a new one.',
  );
}
