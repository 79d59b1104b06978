import { FilterRefusedError, ResourceNotFoundError, TokenRefusedError } from '../cognito/errors.ts';
import { LeaseLostError, ResumableError, SnapshotFailedError } from '../model/errors.ts';
import { snapshotId } from '../model/snapshot.ts';
import { dropWalk, isSuperseded, restartWalk } from '../postgres/store/replace-walks.ts';
import { explainStageGone } from '../postgres/store/stage.ts';
import { leaseWalk, type Walk } from '../postgres/store/walks.ts';
import { LOG_SCOPE } from '../telemetry/logger.ts';
import type { SnapshotContext } from './context.ts';
import { removeWalk } from './tally.ts';
import { walkGroups, walkMembers } from './walk-members.ts';
import { fallBackToSingleChain, walkUsers } from './walk-users.ts';

/** Attempts of a walk: a token that was refused so often will be refused again. */
const MOST_ATTEMPTS = 10;

/**
 * Reads a walk from its checkpoint to its end. An error keeps what was committed, and the walk can be
 * resumed from its last page.
 *
 * @returns the walks that it found: over the members of groups, or the shards of a split.
 * @throws SnapshotFailedError if the pool is gone.
 * @throws LeaseLostError if another runner has the walk.
 */
export async function runWalk(
  snapshot: SnapshotContext,
  id: number,
  signal: AbortSignal,
): Promise<Walk[]> {
  const { db, lease } = snapshot;
  const log = snapshot.log.child({ walk: id });
  const context = { ...snapshot, log };
  try {
    const walk = await leaseWalk(db, lease, id);
    if (walk === null) return [];
    const what = {
      snapshot: snapshotId(lease.snapshotAt),
      'walk.kind': walk.kind,
      'walk.number': walk.id,
      attempt: walk.attempt,
    };
    const read = (onAttempt: (number: number) => void) =>
      readToTheEnd(context, walk, onAttempt, signal).catch(async (error: unknown) => {
        if (error instanceof LeaseLostError && (await isSuperseded(db, lease, walk))) return [];
        throw error;
      });
    return await LOG_SCOPE.run(log, () => context.trace.walk(what, read));
  } catch (error) {
    throw explainStageGone(error, lease);
  }
}

async function readToTheEnd(
  context: SnapshotContext,
  walk: Walk,
  onAttempt: (number: number) => void,
  signal: AbortSignal,
): Promise<Walk[]> {
  for (let current = walk; ; ) {
    try {
      return await read(context, current, signal);
    } catch (error) {
      if (error instanceof TokenRefusedError) {
        current = await restart(context, current, error);
        onAttempt(current.attempt);
      } else if (error instanceof FilterRefusedError) {
        context.log.warn(
          { poolId: context.lease.poolId },
          'the service refuses to filter by sub: reading all users in a single chain',
        );
        return fallBackToSingleChain(context);
      } else if (error instanceof ResourceNotFoundError) {
        await dropIfGroupIsGone(context, current, error, signal);
        return [];
      } else {
        throw error;
      }
    }
  }
}

function read(context: SnapshotContext, current: Walk, signal: AbortSignal): Promise<Walk[]> {
  switch (current.kind) {
    case 'groups':
      return walkGroups(context, current, signal);
    case 'users':
      return walkUsers(context, current, signal);
    case 'members':
      return walkMembers(context, current, signal);
  }
}

async function restart(
  context: SnapshotContext,
  current: Walk,
  cause: TokenRefusedError,
): Promise<Walk> {
  if (current.attempt >= MOST_ATTEMPTS) {
    throw new ResumableError(
      `A walk of the snapshot of ${context.lease.poolId} started ${current.attempt} times, and the ` +
        "service's own page tokens never led to its end. Run it again later.",
      { cause },
    );
  }
  const { walk: again, lostItems } = await restartWalk(context.db, context.lease, current);
  context.progress.walks[current.kind].items -= lostItems;
  context.log.warn(
    { poolId: context.lease.poolId, kind: current.kind, attempt: again.attempt },
    'page tokens did not lead to the end: restarting the walk',
  );
  return again;
}

/**
 * Drops the walk of a group that was deleted while the walks run; the check confirms it later. A
 * deleted pool fails the snapshot.
 */
async function dropIfGroupIsGone(
  context: SnapshotContext,
  current: Walk,
  cause: ResourceNotFoundError,
  signal: AbortSignal,
): Promise<void> {
  const { cognito, lease, log } = context;
  try {
    await cognito.describePool(lease.poolId, signal);
  } catch (error) {
    if (!(error instanceof ResourceNotFoundError)) throw error;
    throw new SnapshotFailedError(
      `Pool ${lease.poolId} was deleted while its snapshot was taken.`,
      {
        cause: error,
      },
    );
  }
  // Only a walk of one group can be dropped with it.
  if (current.groupName === null) throw cause;
  removeWalk(context.progress, current, await dropWalk(context.db, lease, current));
  log.info({ poolId: lease.poolId }, 'a group is missing: confirming it after the other walks');
}
