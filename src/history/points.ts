import { formatCommand } from '../common/command.ts';
import { parseTime } from '../common/time.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { parseSnapshotId } from '../model/snapshot.ts';
import type { Asking } from '../postgres/history/ask.ts';
import {
  findCurrentAt,
  findHeld,
  findSnapshot,
  listNewest,
  listPublishedPools,
  type Moment,
} from '../postgres/history/moments.ts';
import type { SnapshotLease } from '../postgres/store/leases.ts';
import { assertStageExists } from '../postgres/store/stage.ts';

/** A published snapshot, or one that is held. */
export interface Point extends Moment {
  /** The lease of a held snapshot, which has the number of its stage; null if it is published. */
  readonly held: SnapshotLease | null;
}

/**
 * Finds the published snapshot that a text names.
 *
 * @param subject the argument, for messages
 * @param text a snapshot id, a time, `latest` or `previous`
 * @throws ActionRequiredError if the text or the snapshot is wrong, or its state is unknown
 */
export async function findPublished(
  asking: Asking,
  subject: string,
  text: string,
): Promise<Moment> {
  const point = text === 'held' ? null : await findPoint(asking, subject, text);
  if (point?.held === null) return point;
  throw ActionRequiredError.of(
    subject,
    'names a held snapshot, which is not published.',
    'Give a published one. Only `diff` takes `held`.',
  );
}

/** The same, and `held` or the id of a held snapshot. */
export async function findPoint(asking: Asking, subject: string, text: string): Promise<Point> {
  const id = parseSnapshotId(text);
  if (id !== null) return findById(asking, subject, id);
  if (text === 'held') return requireHeld(asking, subject);
  if (text === 'latest' || text === 'previous') return findNewest(asking, subject, text);
  const at = parseTime(text);
  if (at === null) {
    const problem = 'is not a point in the history.';
    const remedy =
      'Give a snapshot id such as 20261120T020000Z, a time such as 2026-11-20 or 2026-11-20T02:00Z, `latest` or `previous`.';
    throw ActionRequiredError.of(subject, problem, remedy);
  }
  await requirePublished(asking);
  return { ...(await findCurrentAt(asking, at)), held: null };
}

/** @throws ActionRequiredError if the pool has no published snapshot */
export async function requirePublished(asking: Asking): Promise<void> {
  if ((await listNewest(asking, 1)).length === 0) throw await explainUnpublished(asking);
}

async function findById(asking: Asking, subject: string, snapshotAt: Date): Promise<Point> {
  const snapshot = await findSnapshot(asking, snapshotAt);
  if (snapshot === null) {
    await requirePublished(asking);
    throw ActionRequiredError.of(subject, 'this snapshot does not exist.', listing(asking));
  }
  switch (snapshot.state) {
    case 'held':
      return requireHeld(asking, subject);
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

async function findNewest(
  asking: Asking,
  subject: string,
  text: 'latest' | 'previous',
): Promise<Point> {
  const [latest, previous] = await listNewest(asking, 2);
  if (latest === undefined) throw await explainUnpublished(asking);
  const found = text === 'latest' ? latest : previous;
  // Its versions may have been pruned.
  if (found !== undefined)
    return { ...(await findCurrentAt(asking, found.snapshotAt)), held: null };
  throw ActionRequiredError.of(
    subject,
    `${asking.poolId} has only one published snapshot, ${latest.snapshot}.`,
    'Compare after the next one.',
  );
}

async function requireHeld(asking: Asking, subject: string): Promise<Point> {
  const held = await findHeld(asking);
  if (held === null) {
    throw ActionRequiredError.of(
      subject,
      `${asking.poolId} has no held snapshot.`,
      listing(asking),
    );
  }
  const { snapshot, snapshotAt, ...lease } = held;
  const whole = { ...lease, snapshotAt };
  const [latest] = await listNewest(asking, 1);
  if ((latest?.snapshotAt.getTime() ?? null) !== (held.comparedWith?.getTime() ?? null)) {
    throw ActionRequiredError.of(
      subject,
      'a later snapshot was published, so the held one cannot be released.',
      `Discard it: \`${formatCommand(['discard', `${asking.poolId}/${snapshot}`])}\`.`,
    );
  }
  await assertStageExists(asking.db, whole);
  return { snapshot, snapshotAt, held: whole };
}

/** Why a pool has no state to ask about. */
async function explainUnpublished(asking: Asking): Promise<ActionRequiredError> {
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
