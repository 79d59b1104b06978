import { FilterRefusedError, ResourceNotFoundError, TokenRefusedError } from '../cognito/errors.ts';
import { FencedError, ResumableError, SnapshotFailedError } from '../model/errors.ts';
import { explainStageGone } from '../postgres/store/stage.ts';
import {
  claimWalk,
  dropWalk,
  isSuperseded,
  restartWalk,
  type Walk,
} from '../postgres/store/walks.ts';
import type { SnapshotContext } from './context.ts';
import { untallyWalk } from './plan-walks.ts';
import { walkGroups, walkMembers } from './walk-members.ts';
import { goSerial, walkUsers } from './walk-users.ts';

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
export async function walk(
  context: SnapshotContext,
  id: number,
  signal: AbortSignal,
): Promise<Walk[]> {
  const { db, run } = context;
  try {
    const claimed = await claimWalk(db, run, id);
    if (claimed === null) return [];
    return await readToTheEnd(context, claimed, signal).catch(async (error: unknown) => {
      if (error instanceof FencedError && (await isSuperseded(db, run, claimed))) return [];
      throw error;
    });
  } catch (error) {
    throw explainStageGone(error, run);
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
          { poolId: context.run.poolId },
          'the service refuses to cut by sub: walking all users in one chain',
        );
        return goSerial(context);
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
      `A walk of the snapshot of ${context.run.poolId} was begun ${current.attempt} times, and each ` +
        "time the service's own page tokens did not lead to its end. Run it again later.",
      { cause },
    );
  }
  const { walk: again, lostItems } = await restartWalk(context.db, context.run, current);
  context.progress.walks[current.kind].items -= lostItems;
  context.log.warn(
    { poolId: context.run.poolId, kind: current.kind, attempt: again.attempt },
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
  const { cognito, run, log } = context;
  try {
    await cognito.describePool(run.poolId, signal);
  } catch (error) {
    if (!(error instanceof ResourceNotFoundError)) throw error;
    throw new SnapshotFailedError(`Pool ${run.poolId} was deleted while its snapshot was taken.`, {
      cause: error,
    });
  }
  if (current.kind !== 'members') throw cause;
  untallyWalk(context.progress, current, await dropWalk(context.db, run, current));
  log.info({ poolId: run.poolId }, 'a group was not found: it is confirmed after the other walks');
}
