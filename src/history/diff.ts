import { ActionRequiredError } from '../model/errors.ts';
import type { Span } from '../model/history.ts';
import type { HistorySource } from '../model/history-source.ts';
import { isPoolId } from '../model/pool-id.ts';
import {
  type Change,
  type ChangeKind,
  compareGroup,
  compareUser,
  type FieldSelection,
  type SettingChange,
} from './changes.ts';
import { checkFieldNames } from './field-names.ts';
import { findPoint, findPublished, isStaged } from './points.ts';
import { compareSetting } from './setting-changes.ts';

/** What `only` can name: kinds of change, and entities. */
export const DIFF_FILTERS = [
  'added',
  'removed',
  'modified',
  'replaced',
  'users',
  'groups',
  'settings',
] as const;
/** A kind of change, or an entity. */
export type DiffFilter = (typeof DIFF_FILTERS)[number];

/** What to compare, and what to show of it. */
export interface DiffQuestion extends FieldSelection {
  /**
   * A snapshot id, a time, `previous` or `latest`. By default `previous`, or `latest` if `to` is `held` or
   * `now`.
   */
  readonly from?: string | undefined;
  /**
   * The same, or `held`: what the held snapshot would publish, or `now`: the live pool, which is read and
   * not published. `POOL/POINT` is a snapshot of another pool, whose users are compared by name; then
   * `from` is `latest` by default. By default `latest`.
   */
  readonly to?: string | undefined;
  /** Kinds of change and entities; by default all. A change must match one of each that is named. */
  readonly only?: readonly DiffFilter[] | undefined;
  /** Only this group, and users that are members of it in one of the two states. */
  readonly group?: string | undefined;
}

/** The two states that are compared. */
export interface Compared {
  readonly poolId: string;
  /** The id of the earlier snapshot; null for the empty state before a pool's first. */
  readonly from: string | null;
  /** The id of the later snapshot; `now` for the live pool; with its pool if that is another one. */
  readonly to: string;
  /** When the live pool was read; absent for a snapshot. */
  readonly beganAt?: Date;
  readonly endedAt?: Date;
  /** Of a held snapshot: why. Of the live pool: why `sync` would hold it, or null. */
  readonly reason?: string | null;
}

type Tally<Kind extends string> = Readonly<Record<Kind, number>>;

/** Counts of the changes that are shown. */
export interface DiffSummary {
  readonly users: Tally<ChangeKind>;
  readonly groups: Tally<'added' | 'removed' | 'modified'>;
  readonly memberships: Tally<'added' | 'removed'>;
  /**
   * Parts of the settings. Null if only one of the states keeps settings, so that they do not compare;
   * absent if neither does, or the question is not about settings.
   */
  readonly settings?: Tally<SettingChange['kind']> | null;
}

/** The result of a comparison, without its changes. */
export interface Diff extends Compared {
  readonly summary: DiffSummary;
}

/** Gets the two states, and the changes in batches: groups, users, then settings, each by name. */
export type UseChanges = (
  compared: Compared,
  changes: AsyncIterable<readonly Change[]>,
) => Promise<void>;

/**
 * Compares two states of a pool. Memory does not grow with the number of changes.
 *
 * @throws ActionRequiredError if a state or a field is unknown, or the states are in the wrong order
 */
export async function diff(
  source: HistorySource,
  question: DiffQuestion,
  use: UseChanges,
): Promise<Diff> {
  const span = await findSpan(source, question);
  const { from, to } = span;
  await checkFieldNames(source, question.fields ?? []);
  const { group } = question;
  if (group !== undefined && !(await source.hasGroup(span, group))) {
    const remedy = 'Give the name of a group, in its exact case.';
    throw ActionRequiredError.of('GROUP', 'neither snapshot has a group with this name.', remedy);
  }
  const compared: Compared = {
    poolId: source.poolId,
    from: from?.snapshot ?? null,
    to: span.toPool === undefined ? to.snapshot : `${span.toPool}/${to.snapshot}`,
    ...to.staged?.read,
    ...(to.staged && { reason: to.staged.reason }),
  };
  const settings = await listSettings(source, span, question);
  const summary: Writable<DiffSummary> = {
    users: { added: 0, removed: 0, modified: 0, replaced: 0 },
    groups: { added: 0, removed: 0, modified: 0 },
    memberships: { added: 0, removed: 0 },
    ...(settings !== undefined && {
      settings: settings && { added: 0, removed: 0, modified: 0 },
    }),
  };
  const changes = readChanges(source, span, question, settings ?? []);
  await use(compared, counting(changes, summary));
  return { ...compared, summary };
}

async function* readChanges(
  source: HistorySource,
  span: Span,
  question: DiffQuestion,
  settings: readonly SettingChange[],
): AsyncIterable<Change[]> {
  const isShown = filter(question.only ?? []);
  const group = question.group ?? null;
  const comparing = { ...question, acrossPools: span.toPool !== undefined };
  for await (const rows of source.streamGroupDifferences(span, group)) {
    yield rows.flatMap((row) => compareGroup(row, comparing) ?? []).filter(isShown);
  }
  for await (const rows of source.streamUserDifferences(span, group)) {
    yield rows.flatMap((row) => compareUser(row, comparing) ?? []).filter(isShown);
  }
  const shown = settings.filter(isShown);
  if (shown.length > 0) yield shown;
}

/**
 * The parts of the settings that differ; null if one of the states keeps none, undefined if neither keeps any
 * or the question is not about settings. One about a group or about fields of users is not, and those of two pools
 * do not compare: their secrets have other hashes.
 */
async function listSettings(
  source: HistorySource,
  span: Span,
  question: DiffQuestion,
): Promise<SettingChange[] | null | undefined> {
  const { group, fields } = question;
  if (group !== undefined || fields !== undefined || span.toPool !== undefined) return undefined;
  const differences = await source.listSettingDifferences(span);
  if (differences === 'none') return undefined;
  if (differences === 'one') return null;
  return differences.flatMap((each) => compareSetting(each, question) ?? []);
}

function filter(only: readonly DiffFilter[]): (change: Change) => boolean {
  const isEntity = (name: DiffFilter) =>
    name === 'users' || name === 'groups' || name === 'settings';
  const entities = only.filter(isEntity);
  const kinds = only.filter((name) => !isEntity(name));
  return ({ entity, kind }) =>
    (entities.length === 0 || entities.includes(`${entity}s`)) &&
    (kinds.length === 0 || kinds.includes(kind));
}

async function* counting(
  batches: AsyncIterable<readonly Change[]>,
  { users, groups, memberships, settings }: Writable<DiffSummary>,
): AsyncIterable<readonly Change[]> {
  for await (const changes of batches) {
    for (const change of changes) {
      if (change.entity === 'group') {
        groups[change.kind] += 1;
      } else if (change.entity === 'setting') {
        if (settings) settings[change.kind] += 1;
      } else {
        users[change.kind] += 1;
        memberships.added += change.groups.added.length;
        memberships.removed += change.groups.removed.length;
      }
    }
    yield changes;
  }
}

type Writable<T> = {
  -readonly [K in keyof T]:
    | { -readonly [L in keyof NonNullable<T[K]>]: NonNullable<T[K]>[L] }
    | Extract<T[K], null>;
};

/**
 * Checks what can be checked of a question before the live pool is read, because reading costs quota.
 *
 * @throws ActionRequiredError if the earlier state or a field is unknown
 */
export async function checkQuestion(source: HistorySource, question: DiffQuestion): Promise<void> {
  await findPublished(source, 'FROM', fromOf(question));
  await checkFieldNames(source, question.fields ?? []);
}

function fromOf({ from, to }: DiffQuestion): string {
  return from ?? (isStaged(to) || otherPoolOf(to) !== null ? 'latest' : 'previous');
}

/** The pool and the point of a text such as `us-east-1_Ab12Cd34/latest`; null for any other text. */
function otherPoolOf(to = ''): { readonly poolId: string; readonly point: string } | null {
  const [poolId = '', point = '', ...more] = to.split('/');
  return isPoolId(poolId) && point !== '' && more.length === 0 ? { poolId, point } : null;
}

async function findSpan(source: HistorySource, question: DiffQuestion): Promise<Span> {
  const from = fromOf(question);
  const other = otherPoolOf(question.to);
  if (other !== null && other.poolId !== source.poolId) {
    const { poolId, point } = other;
    const to = await findPublished(source.ofPool('TO', poolId), 'TO', point);
    return {
      from: await findPublished(source, 'FROM', from),
      to: { ...to, staged: null },
      toPool: poolId,
    };
  }
  const later = await findPoint(source, 'TO', other?.point ?? question.to ?? 'latest');
  // A pool's first snapshot can be held too. Nothing is published that it could be compared with.
  const isFirst = from === 'latest' && later.staged !== null && later.staged.comparedWith === null;
  const earlier = isFirst ? null : await findPublished(source, 'FROM', from);
  if (earlier !== null && earlier.snapshotAt > later.snapshotAt) {
    const problem = `${earlier.snapshot} is later than TO, ${later.snapshot}.`;
    throw ActionRequiredError.of('FROM', problem, 'Give the earlier one first.');
  }
  return { from: earlier, to: later };
}
