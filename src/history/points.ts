import { parseTime } from '../common/time.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { Moment, Point } from '../model/history.ts';
import type { HistorySource } from '../model/history-source.ts';
import { parseSnapshotId } from '../model/snapshot.ts';

/**
 * Finds the published snapshot that a text names.
 *
 * @param subject the argument, for messages
 * @param text a snapshot id, a time, `latest` or `previous`
 * @throws ActionRequiredError if the text or the snapshot is wrong, or its state is unknown
 */
export async function findPublished(
  source: HistorySource,
  subject: string,
  text: string,
): Promise<Moment> {
  if (isStaged(text)) throw refuseStaged(subject, text);
  const point = await findPoint(source, subject, text);
  if (point.staged !== null) throw refuseStaged(subject, 'held');
  return point;
}

/** True if a text names a state that is not published. */
export function isStaged(text: string | undefined): boolean {
  return text === 'held' || text === 'now';
}

function refuseStaged(subject: string, text: string): ActionRequiredError {
  return ActionRequiredError.of(
    subject,
    text === 'now'
      ? 'names the live pool, which is not published.'
      : 'names a held snapshot, which is not published.',
    'Give a published one. Only TO of `diff` takes `held` and `now`.',
  );
}

/** The same, and `held`, the id of a held snapshot, or `now`. */
export async function findPoint(
  source: HistorySource,
  subject: string,
  text: string,
): Promise<Point> {
  const id = parseSnapshotId(text);
  if (id !== null) return source.findSnapshot(subject, id);
  if (text === 'held') return source.findHeld(subject);
  if (text === 'now') return source.findLive(subject);
  if (text === 'latest' || text === 'previous') return findNewest(source, subject, text);
  const at = parseTime(text);
  if (at === null) {
    const problem = 'is not a point in the history.';
    const remedy =
      'Give a snapshot id such as 20261120T020000Z, a time such as 2026-11-20 or 2026-11-20T02:00Z, `latest` or `previous`.';
    throw ActionRequiredError.of(subject, problem, remedy);
  }
  await requirePublished(source);
  return { ...(await source.findCurrentAt(at)), staged: null };
}

/** @throws ActionRequiredError if the pool has no published snapshot */
export async function requirePublished(source: HistorySource): Promise<void> {
  if ((await source.listNewest(1)).length === 0) throw await source.explainEmpty();
}

async function findNewest(
  source: HistorySource,
  subject: string,
  text: 'latest' | 'previous',
): Promise<Point> {
  const [latest, previous] = await source.listNewest(2);
  if (latest === undefined) throw await source.explainEmpty();
  const found = text === 'latest' ? latest : previous;
  // Its versions may have been pruned.
  if (found !== undefined) {
    return { ...(await source.findCurrentAt(found.snapshotAt)), staged: null };
  }
  throw ActionRequiredError.of(
    subject,
    `${source.poolId} has only one published snapshot, ${latest.snapshot}.`,
    'Compare after the next one.',
  );
}
