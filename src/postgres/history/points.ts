import { formatCommand } from '../../common/command.ts';
import { ActionRequiredError } from '../../model/errors.ts';
import type { Point } from '../../model/history.ts';
import { assertStageExists } from '../store/stage.ts';
import type { Asking } from './ask.ts';
import {
  findCurrentAt,
  findHeld,
  findSnapshot,
  listNewest,
  listPublishedPools,
} from './moments.ts';

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
  const snapshot = await findSnapshot(asking, snapshotAt);
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
      return { ...(await findCurrentAt(asking, snapshotAt)), held: null };
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
  const { snapshot, snapshotAt, ...lease } = held;
  const [latest] = await listNewest(asking, 1);
  if ((latest?.snapshotAt.getTime() ?? null) !== (held.comparedWith?.getTime() ?? null)) {
    throw ActionRequiredError.of(
      subject,
      'a later snapshot was published, so the held one cannot be released.',
      `Discard it: \`${formatCommand(['discard', `${asking.poolId}/${snapshot}`])}\`.`,
    );
  }
  await assertStageExists(asking.db, { ...lease, snapshotAt });
  return { snapshot, snapshotAt, held: lease };
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
