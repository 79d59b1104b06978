import {
  formatCount,
  printable,
  type SnapshotStatus,
  type Status,
  type WalkingStatus,
  type WalkStatus,
} from '../../index.ts';
import { commandHint } from '../command-line.ts';
import { MARKS } from './format.ts';
import { decisionLines } from './snapshot-summary.ts';
import { type FittedColumn, fittedTable, fittingColumns } from './table.ts';
import { wrap } from './text-width.ts';
import { formatMoment, formatSpan, fromNow, secondsBetween } from './timestamps.ts';

const number = (value: number | null) => (value === null ? '' : formatCount(value));

const count = (
  name: string,
  weight: number,
  of: (snapshot: SnapshotStatus) => number | null,
): FittedColumn<SnapshotStatus> => ({
  name,
  weight,
  align: 'right',
  text: (snapshot) => number(of(snapshot)),
});

const COLUMNS: readonly FittedColumn<SnapshotStatus>[] = [
  { name: 'snapshot', weight: 10, text: ({ snapshot }) => snapshot },
  { name: 'state', weight: 9, text: (row) => (isInterrupted(row) ? 'interrupted' : row.state) },
  count('users', 8, ({ users }) => users),
  count('groups', 4, ({ groups }) => groups),
  count('memberships', 3, ({ memberships }) => memberships),
  count('added', 6, ({ added }) => added),
  count('modified', 5, ({ modified }) => modified),
  count('removed', 7, ({ removed }) => removed),
  count('calls', 2, ({ apiCalls }) => apiCalls),
  count('throttled', 1, ({ throttled }) => throttled),
];

/** How many walks are shown one by one. */
const MOST_WALKS = 8;

/** A pause between pages that is worth a word. */
const QUIET_AFTER_SECONDS = 10;

/** A runner records its progress every three seconds. */
const SILENT_AFTER_SECONDS = 15;

/**
 * The newest snapshots of a pool and how far the one is that is being taken, in lines of at most
 * `width` columns; none where there is no snapshot.
 */
export function snapshotLines(status: Status, poolId: string, width: number): string[] {
  const snapshots = status.snapshots.filter((snapshot) => snapshot.poolId === poolId);
  if (snapshots.length === 0) return [];
  return [
    ...fittedTable(COLUMNS, snapshots, width),
    ...snapshots.flatMap((snapshot) => remarks(snapshot, status, width)),
  ];
}

/** The columns that the tables of some pool have no room for. */
export function hiddenColumns(snapshots: readonly SnapshotStatus[], width: number): string[] {
  const byPool = new Set(snapshots.map(({ poolId }) => poolId));
  const shown = [...byPool].map((poolId) => {
    const rows = snapshots.filter((snapshot) => snapshot.poolId === poolId);
    return fittingColumns(COLUMNS, rows, width);
  });
  return COLUMNS.filter((column) => shown.some((columns) => !columns.includes(column))).map(
    ({ name }) => name,
  );
}

/** What the table has no room for: why a snapshot stands where it does, and how far it is. */
function remarks(row: SnapshotStatus, status: Status, width: number): string[] {
  const { poolId, snapshot, reason, progress, walking } = row;
  const texts = reason === null ? [] : [reason];
  const commands = row.state === 'held' ? decisionLines(poolId, snapshot) : [];
  if (isInterrupted(row)) {
    texts.push('interrupted: no process reads it.');
    commands.push(resume(status, poolId));
  }
  if (progress !== null && progress.phase !== 'walk') texts.push(phaseText(progress, status.at));
  else if (walking !== null) texts.push(...walkTexts(row, walking, status.at));
  const lead = `  ${snapshot}: `;
  const lines = texts.flatMap((text, index) =>
    wrap(index === 0 ? lead : ' '.repeat(lead.length), printable(text), width),
  );
  // Whole, so that they can be pasted.
  lines.push(...commands.map((command) => `    ${printable(command)}`));
  const isRead = walking !== null && progress?.phase === 'walk';
  return isRead ? [...lines, ...walkLines(walking, status.at, width - 2)] : lines;
}

function isInterrupted({ state, runner }: SnapshotStatus): boolean {
  return state === 'walking' && runner === null;
}

/** Workers take it up again where they mirror the pool. */
function resume({ schedules }: Status, poolId: string): string {
  const isScheduled = schedules.some((schedule) => schedule.poolId === poolId);
  return `To resume: ${commandHint([isScheduled ? 'trigger' : 'sync', poolId])}`;
}

type Progress = NonNullable<SnapshotStatus['progress']>;

/** Such as `confirming users: 340 of 1,000`. */
function phaseText({ phase, done, total, notedAt }: Progress, at: Date): string {
  const isCounted = done !== null && total !== null;
  const counts = isCounted ? `: ${formatCount(done)} of ${formatCount(total)}` : '';
  const silence = secondsBetween(notedAt, at);
  const silent = silence < SILENT_AFTER_SECONDS ? '' : `; no progress for ${formatSpan(silence)}`;
  switch (phase) {
    case 'check':
      return isCounted ? `confirming users${counts}${silent}` : `checking${silent}`;
    case 'archive':
      return isCounted ? `archiving${counts} rows${silent}` : `archiving${silent}`;
    default:
      return `publishing${silent}`;
  }
}

function walkTexts(row: SnapshotStatus, walking: WalkingStatus, at: Date): string[] {
  const kinds = walking.walks.map((kind) => {
    const of = kind.expected === null ? '' : ` of about ${formatCount(kind.expected)}`;
    return (
      `${kind.kind}: ${formatCount(kind.items)}${of} read, ` +
      `${formatCount(kind.walksDone)} of ${formatCount(kind.walks)} walks done`
    );
  });
  return walking.rate === null ? kinds : [...kinds, paceOf(row, walking, walking.rate, at)];
}

/** Such as `1,440 items/s; end: 2026-11-21T02:05:00Z, in 5 min`. */
function paceOf(
  { progress }: SnapshotStatus,
  { rateSince, readAt, estimatedEnd }: WalkingStatus,
  rate: number,
  at: Date,
): string {
  const words = [`${formatCount(rate)} items/s`];
  if (rateSince && progress && rateSince <= progress.beganAt) words.push(' on average');
  if (readAt !== null && secondsBetween(readAt, at) >= QUIET_AFTER_SECONDS) {
    words.push(`, no page requested for ${formatSpan(secondsBetween(readAt, at))}`);
  }
  const end = estimatedEnd && `${formatMoment(estimatedEnd)}, ${fromNow(estimatedEnd, at)}`;
  return `${words.join('')}; end: ${end ?? 'unknown'}`;
}

function walkLines(walking: WalkingStatus, at: Date, width: number): string[] {
  const shown = walking.inProgress.slice(0, MOST_WALKS);
  if (shown.length === 0) return [];
  const lines = fittedTable(walkColumns(at), shown, width);
  const total = walking.walks.reduce((sum, kind) => sum + kind.walksInProgress, 0);
  if (total > shown.length)
    lines.push(`${MARKS.more} and ${formatCount(total - shown.length)} more`);
  return lines.map((line) => `  ${line}`);
}

function walkColumns(at: Date): FittedColumn<WalkStatus>[] {
  return [
    { name: 'walk', weight: 6, text: formatWalkName },
    { name: 'read', weight: 4, align: 'right', text: ({ items }) => formatCount(items) },
    { name: 'of about', weight: 2, align: 'right', text: ({ expected }) => number(expected) },
    { name: 'pages', weight: 1, align: 'right', text: ({ pages }) => formatCount(pages) },
    { name: 'items/s', weight: 3, align: 'right', text: ({ rate }) => number(rate) },
    {
      name: 'ends',
      weight: 5,
      text: ({ estimatedEnd }) => (estimatedEnd === null ? '' : fromNow(estimatedEnd, at)),
    },
  ];
}

/** A walk over members goes by its number: a group's name can be personal. */
function formatWalkName({ id, kind, prefix }: WalkStatus): string {
  if (kind === 'members') return `members, walk ${id}`;
  return prefix ? `${kind} ${prefix}${MARKS.more}` : kind;
}
