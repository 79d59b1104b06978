import { formatCommand } from '../../common/command.ts';
import { ActionRequiredError, ResumableError } from '../../model/errors.ts';
import type { Point } from '../../model/history.ts';
import type { SnapshotLease } from '../store/leases.ts';
import { keepStage } from '../store/stage.ts';
import type { Asking } from './ask.ts';
import { findCurrentAt, findHeld, findMoment, listNewest, listPublishedPools } from './moments.ts';

/**
 * The snapshot with this time, which is published or held.
 *
 * @param subject the argument that names it, for messages
 * @throws ActionRequiredError if there is none, or its state is unknown
 */
export async function findPointById(
  asking: Asking,
  subject: string,
  snapshotAt: Date,
): Promise<Point> {
  const snapshot = await findMoment(asking, snapshotAt);
  if (snapshot === null) {
    const [newest] = await listNewest(asking, 1);
    if (newest === undefined) throw await explainUnpublished(asking);
    throw ActionRequiredError.of(subject, 'this snapshot does not exist.', listing(asking));
  }
  switch (snapshot.state) {
    case 'held':
      return findHeldPoint(asking, subject);
    case 'published':
    case 'archived':
      return { ...(await findCurrentAt(asking, snapshotAt)), staged: null };
    default:
      throw ActionRequiredError.of(
        subject,
        `this snapshot is ${snapshot.state}, not published or held.`,
        listing(asking),
      );
  }
}

/**
 * The held snapshot of the pool.
 *
 * @throws ActionRequiredError if there is none, or it cannot be released
 */
export async function findHeldPoint(asking: Asking, subject: string): Promise<Point> {
  const held = await findHeld(asking);
  if (held === null) {
    throw ActionRequiredError.of(
      subject,
      `${asking.poolId} has no held snapshot.`,
      listing(asking),
    );
  }
  const { snapshot, snapshotAt, stage, comparedWith, reason } = held;
  if (!(await followsLatest(asking, held))) {
    throw ActionRequiredError.of(
      subject,
      'a later snapshot was published, so the held one cannot be released.',
      `Discard it: \`${formatCommand(['discard', `${asking.poolId}/${snapshot}`])}\`.`,
    );
  }
  await keepStage(asking.db, held);
  return { snapshot, snapshotAt, staged: { stage, comparedWith, reason, read: null } };
}

/** A pool that was just read. */
export interface LiveReading {
  readonly lease: SnapshotLease;
  readonly beganAt: Date;
  readonly endedAt: Date;
  /** Why `sync` would hold it; null if it would publish it. */
  readonly reason: string | null;
}

/**
 * The live pool as a point.
 *
 * @throws ResumableError if a snapshot was published meanwhile: the stage was compared with the one before
 */
export async function findLivePoint(
  asking: Asking,
  { lease, reason, ...read }: LiveReading,
): Promise<Point> {
  if (!(await followsLatest(asking, lease))) {
    throw new ResumableError(
      `A snapshot of ${asking.poolId} was published while the pool was read. Run this again.`,
    );
  }
  await keepStage(asking.db, lease);
  const { stage, comparedWith, snapshotAt } = lease;
  return { snapshot: 'now', snapshotAt, staged: { stage, comparedWith, reason, read } };
}

/** True if the newest published snapshot is the one that a stage was compared with. */
async function followsLatest(
  asking: Asking,
  { comparedWith }: Pick<SnapshotLease, 'comparedWith'>,
): Promise<boolean> {
  const [latest] = await listNewest(asking, 1);
  return (latest?.snapshotAt.getTime() ?? null) === (comparedWith?.getTime() ?? null);
}

/** Why a pool has no state to ask about. */
export async function explainUnpublished(asking: Asking): Promise<ActionRequiredError> {
  const pools = await listPublishedPools(asking);
  const others =
    pools.length === 0 ? 'No pool has one here' : `The pools that have one are ${pools.join(', ')}`;
  return ActionRequiredError.of(
    asking.poolId,
    'no snapshot of this pool was published into this database.',
    `${others}. To mirror it: \`${formatCommand(['sync', asking.poolId])}\`.`,
  );
}

function listing({ poolId }: Asking): string {
  return `\`${formatCommand(['status', poolId])}\` lists the newest snapshots and their states.`;
}
