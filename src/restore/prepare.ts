import { join } from 'node:path';
import type { Cognito } from '../cognito/client.ts';
import { Spool } from '../common/spool.ts';
import { findPublished } from '../history/points.ts';
import type { Moment } from '../model/history.ts';
import type { HistorySource } from '../model/history-source.ts';
import type { GroupFields, RestorePassword, TargetPool } from '../model/restore.ts';
import { Comparison } from './compare.ts';
import type { UserRules } from './compare-user.ts';
import type { RestoreProgress } from './progress.ts';
import {
  readNamedTarget,
  readTargetGroups,
  readWholeTarget,
  type TargetReading,
} from './read-target.ts';
import {
  findNamedUsers,
  type RestoreChoice,
  readGroups,
  requireGroups,
  Selection,
  streamUsers,
} from './selection.ts';
import type { SourceUser } from './source-user.ts';
import { TargetState, type TargetUserRow } from './target-state.ts';

/** The snapshots of one pool, asked one question after the other. */
export interface RestoreSource {
  readonly poolId: string;
  /** The URL of the archive; null for the database. */
  readonly archive: string | null;
  readonly ask: <T>(answer: (source: HistorySource) => Promise<T>) => Promise<T>;
}

/** The snapshot to restore, as far as it is known before the target is read. */
export interface ChosenSnapshot {
  readonly at: Moment;
  readonly groups: ReadonlyMap<string, GroupFields>;
  /** Attributes that a snapshot may lack because of the privacy rules of the mirror. */
  readonly omitted: ReadonlySet<string>;
  /** The users that are named. */
  readonly named: readonly SourceUser[];
  /** The users to restore, if they are few; else null. */
  readonly few: readonly SourceUser[] | null;
}

/** Listing a target of so many users takes about as long as looking up one user by name. */
const LISTED_PER_LOOKUP = 75;
/** The most users of the snapshot that memory holds. */
const MOST_LOOKUPS = 5_000;

/**
 * Finds the snapshot and what is chosen of it, before any call to the service.
 *
 * @param point a snapshot id, a time, `latest` or `previous`
 * @throws ActionRequiredError if the snapshot, or a user or group that is named, is not there
 */
export async function chooseSnapshot(
  { ask }: RestoreSource,
  point: string,
  choice: RestoreChoice,
): Promise<ChosenSnapshot> {
  return ask(async (source) => {
    const at = await findPublished(source, '--from', point);
    const groups = await readGroups(source, at);
    requireGroups(choice.groups, groups, `${source.poolId}/${at.snapshot}`);
    const named = await findNamedUsers(source, at, choice.users);
    const omitted = await listOmitted(source);
    return { at, groups, omitted, named, few: await collectFew(source, at, choice, named) };
  });
}

/** Values from before a rule may be gone from the history too, whether the rule leaves out or hashes. */
async function listOmitted(source: HistorySource): Promise<ReadonlySet<string>> {
  const records = await source.listHidden();
  return new Set(records.flatMap(({ omitted, hashed }) => [...omitted, ...Object.keys(hashed)]));
}

/** The users to restore; null if there are more than memory should hold. */
async function collectFew(
  source: HistorySource,
  at: Moment,
  choice: RestoreChoice,
  named: readonly SourceUser[],
): Promise<SourceUser[] | null> {
  if (choice.users.length + choice.groups.length === 0) return null;
  const few: SourceUser[] = [];
  for await (const batch of streamUsers(source, at, choice, named)) {
    few.push(...batch);
    if (few.length > MOST_LOOKUPS) return null;
  }
  return few;
}

/** What a comparison of a snapshot with the live target needs. */
export interface PrepareContext {
  readonly source: RestoreSource;
  readonly chosen: ChosenSnapshot;
  readonly choice: RestoreChoice;
  readonly password: RestorePassword;
  readonly target: TargetPool;
  readonly cognito: Cognito;
  /** What earlier runs of this restore recorded. */
  readonly known: Pick<UserRules, 'isUnfinished' | 'isRestored'>;
  /** A folder that only this process uses. */
  readonly folder: string;
  readonly progress: RestoreProgress;
  readonly signal: AbortSignal;
  /** Runs the reading of the target under the locks that it needs. The signal fires if one is lost. */
  readonly whileReading: (read: (signal: AbortSignal) => Promise<void>) => Promise<void>;
}

/** Reads the target and compares the snapshot with it. The caller closes the result. */
export async function compareWithTarget(context: PrepareContext): Promise<Comparison> {
  const { source, chosen, choice, password, target: pool, known, folder, progress } = context;
  const rows = new Spool<TargetUserRow>(join(folder, 'target'));
  try {
    const target = new TargetState(pool, rows);
    const selection = new Selection(
      chosen.named.map(({ username }) => username),
      choice,
    );
    await context.whileReading((signal) => readTarget({ ...context, signal }, target, selection));
    progress.phase = 'compare';
    const samePool = source.poolId === pool.poolId;
    const rules = { password, samePool, omitted: chosen.omitted, ...known };
    const comparison = new Comparison(
      { sourcePoolId: source.poolId, groups: chosen.groups, target, selection, rules },
      folder,
    );
    try {
      if (selection.readsUsers) await addUsers(context, comparison);
      comparison.addGroups();
      return comparison;
    } catch (error) {
      comparison.close();
      throw error;
    }
  } finally {
    rows.close();
  }
}

async function readTarget(
  { chosen: { few, groups }, cognito, progress, signal }: PrepareContext,
  target: TargetState,
  selection: Selection,
): Promise<void> {
  const reading: TargetReading = { cognito, target, progress, signal };
  await readTargetGroups(reading);
  if (!selection.readsUsers) return;
  const { estimatedUsers } = target.pool;
  if (few !== null && few.length * LISTED_PER_LOOKUP <= estimatedUsers) {
    await readNamedTarget(reading, few);
    return;
  }
  const names = few === null ? groups.keys() : few.flatMap(({ groupNames }) => groupNames);
  await readWholeTarget(reading, selection.writes('memberships') ? new Set(names) : []);
}

async function addUsers(
  { source, chosen, choice, progress, signal }: PrepareContext,
  comparison: Comparison,
): Promise<void> {
  const add = (users: readonly SourceUser[]) => {
    signal.throwIfAborted();
    for (const user of users) comparison.addUser(user);
    progress.compared += users.length;
  };
  if (chosen.few !== null) return add(chosen.few);
  await source.ask(async (history) => {
    for await (const users of streamUsers(history, chosen.at, choice, chosen.named)) add(users);
  });
}
