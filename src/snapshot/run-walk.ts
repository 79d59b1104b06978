import { FilterRefusedError, ResourceNotFoundError, TokenRefusedError } from '../cognito/errors.ts';
import { LeaseLostError, ResumableError, SnapshotFailedError } from '../model/errors.ts';
import { dropWalk, isSuperseded, restartWalk } from '../postgres/store/replace-walks.ts';
import { explainStageGone } from '../postgres/store/stage.ts';
import { leaseWalk, type Walk } from '../postgres/store/walks.ts';
import type { SnapshotContext } from './context.ts';
import { removeWalk } from './tally.ts';
import { walkGroups, walkMembers } from './walk-members.ts';
import { fallBackToSingleChain, walkUsers } from './walk-users.ts';

/** A walk is begun this often at most: a token that is refused each time will not do better. */
const MOST_ATTEMPTS = 10;

/**
 * Reads a walk from where it stands to its end. Whatever ends it before keeps what was committed:
 * the walk can be taken up again from its last page.
 *
 * @returns the walks that it found to be needed: the members of groups, or the shards of a cut.
 * @throws SnapshotFailedError where the pool is gone.
 * @throws FencedError where another runner has the walk.
 */
export async function runWalk(
  context: SnapshotContext,
  id: number,
  signal: AbortSignal,
): Promise<Walk[]> {
  const { db, lease } = context;
  try {
    const claimed = await leaseWalk(db, lease, id);
    if (claimed === null) return [];
    return await readToTheEnd(context, claimed, signal).catch(async (error: unknown) => {
      if (error instanceof LeaseLostError && (await isSuperseded(db, lease, claimed))) return [];
      throw error;
    });
  } catch (error) {
    throw explainStageGone(error, lease);
  }
}

async function readToTheEnd(
  context: SnapshotContext,
  claimed: Walk,
  signal: AbortSignal,
): Promise<Walk[]> {
  for (let current = claimed; ; ) {
    try {
      return await read(context, current, signal);
    } catch (error) {
      if (error instanceof TokenRefusedError) {
        current = await startAgain(context, current, error);
      } else if (error instanceof FilterRefusedError) {
        context.log.warn(
          { poolId: context.lease.poolId },
          'the service refuses to cut by sub: walking all users in one chain',
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

async function startAgain(
  context: SnapshotContext,
  current: Walk,
  cause: TokenRefusedError,
): Promise<Walk> {
  if (current.attempt >= MOST_ATTEMPTS) {
    throw new ResumableError(
      `A walk of the snapshot of ${context.lease.poolId} was begun ${current.attempt} times, and each ` +
        "time the service's own page tokens did not lead to its end. Run it again later.",
      { cause },
    );
  }
  const { walk: again, lostItems } = await restartWalk(context.db, context.lease, current);
  context.progress.walks[current.kind].items -= lostItems;
  context.log.warn(
    { poolId: context.lease.poolId, kind: current.kind, attempt: again.attempt },
    'page tokens did not lead to the end: the walk starts again',
  );
  return again;
}

/**
 * A group may be deleted while the walks run: its walk is dropped, and the check confirms it. A pool
 * that is gone ends the snapshot.
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
  if (current.kind !== 'members') throw cause;
  removeWalk(context.progress, current, await dropWalk(context.db, lease, current));
  log.info(
    { poolId: lease.poolId },
    'a group was not found: it is confirmed after the other walks',
  );
}
