import { formatKnown, formatRelative, formatSpan, formatTimestamp } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import { formatCount } from '../../common/text.ts';
import { secondsBetween } from '../../common/time.ts';
import type { SnapshotStatus, Status, WalkingStatus, WalkStatus } from '../../index.ts';
import { commandHint } from '../command-line.ts';
import { formatDecisions, HELD_MEANS } from './snapshot-summary.ts';
import { chooseColumns, type FittedColumn, formatTable } from './table.ts';
import { MARKS, wrap } from './text-width.ts';

const number = (value: number | null) => formatKnown(value, '');

const count = (
  name: string,
  weight: number,
  read: (snapshot: SnapshotStatus) => number | null,
): FittedColumn<SnapshotStatus> => ({
  name,
  weight,
  align: 'right',
  text: (snapshot) => number(read(snapshot)),
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

/** How many walks have a line of their own. */
const MAX_WALKS = 8;

/** A pause between pages is mentioned from this length on. */
const QUIET_AFTER_SECONDS = 10;

/** A runner records its progress every three seconds. */
const SILENT_AFTER_SECONDS = 15;

/**
 * The newest snapshots of a pool and the progress of the running one, in lines of at most `width`
 * columns. Empty without snapshots.
 */
export function formatSnapshots(status: Status, poolId: string, width: number): string[] {
  const snapshots = status.snapshots.filter((snapshot) => snapshot.poolId === poolId);
  if (snapshots.length === 0) return [];
  return [
    ...formatTable(COLUMNS, snapshots, width),
    ...snapshots.flatMap((snapshot) => formatDetails(snapshot, status, width)),
  ];
}

/** The columns that are missing in the table of at least one pool. */
export function findHiddenColumns(snapshots: readonly SnapshotStatus[], width: number): string[] {
  const byPool = new Set(snapshots.map(({ poolId }) => poolId));
  const shown = [...byPool].map((poolId) => {
    const rows = snapshots.filter((snapshot) => snapshot.poolId === poolId);
    return chooseColumns(COLUMNS, rows, width);
  });
  return COLUMNS.filter((column) => shown.some((columns) => !columns.includes(column))).map(
    ({ name }) => name,
  );
}

/** The details below the table: the reason of a state, commands and progress. */
function formatDetails(row: SnapshotStatus, status: Status, width: number): string[] {
  const { poolId, snapshot, reason, progress, walking } = row;
  const texts = reason === null ? [] : [reason];
  if (row.state === 'held') texts.push(HELD_MEANS);
  if (row.mfaKnown !== null) {
    texts.push(`MFA state known of ${formatCount(row.mfaKnown)} of ${number(row.users)} users.`);
  }
  if (row.archiveRemovedAt !== null) texts.push('retention removed the objects of its archive.');
  const commands = row.state === 'held' ? formatDecisions(poolId, snapshot) : [];
  if (row.state === 'comparing') {
    texts.push(
      row.runner === null
        ? 'left by a `diff` that was killed; the next run removes it.'
        : 'read for a `diff`; it will not be published.',
    );
  }
  if (isInterrupted(row)) {
    texts.push('interrupted: no process reads it.');
    commands.push(formatResume(status, poolId));
  }
  if (progress !== null && progress.phase !== 'walk')
    texts.push(describePhase(progress, status.at));
  else if (walking !== null) texts.push(...describeWalks(row, walking, status.at));
  const lead = `  ${snapshot}: `;
  const lines = texts.flatMap((text, index) =>
    wrap(index === 0 ? lead : ' '.repeat(lead.length), printable(text), width),
  );
  // Not wrapped, so that they can be pasted.
  lines.push(...commands.map((command) => `    ${printable(command)}`));
  const isRead = walking !== null && progress?.phase === 'walk';
  return isRead ? [...lines, ...formatWalks(walking, status.at, width - 2)] : lines;
}

function isInterrupted({ state, runner }: SnapshotStatus): boolean {
  return state === 'walking' && runner === null;
}

/** Workers resume the snapshots of pools that they mirror. */
function formatResume({ schedules }: Status, poolId: string): string {
  const isScheduled = schedules.some((schedule) => schedule.poolId === poolId);
  return `To resume: ${commandHint([isScheduled ? 'trigger' : 'sync', poolId])}`;
}

type Progress = NonNullable<SnapshotStatus['progress']>;

/** Such as `confirming users: 340 of 1,000`. */
function describePhase({ phase, done, total, notedAt }: Progress, at: Date): string {
  const isCounted = done !== null && total !== null;
  const counts = isCounted ? `: ${formatCount(done)} of ${formatCount(total)}` : '';
  const silence = secondsBetween(notedAt, at);
  const silent = silence < SILENT_AFTER_SECONDS ? '' : `; no progress for ${formatSpan(silence)}`;
  switch (phase) {
    case 'check':
      return isCounted ? `confirming users${counts}${silent}` : `checking${silent}`;
    case 'mfa':
      return `reading MFA states${counts}${silent}`;
    case 'archive':
      return isCounted ? `archiving${counts} rows${silent}` : `archiving${silent}`;
    default:
      return `publishing${silent}`;
  }
}

function describeWalks(row: SnapshotStatus, walking: WalkingStatus, at: Date): string[] {
  const kinds = walking.walks.map((kind) => {
    const of = kind.expected === null ? '' : ` of about ${formatCount(kind.expected)}`;
    return (
      `${kind.kind}: ${formatCount(kind.items)}${of} read, ` +
      `${formatCount(kind.walksDone)} of ${formatCount(kind.walks)} walks done`
    );
  });
  return walking.rate === null ? kinds : [...kinds, describePace(row, walking, walking.rate, at)];
}

/** Such as `1,440 items/s; end: 2026-11-21T02:05:00Z, in 5 min`. */
function describePace(
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
  const end =
    estimatedEnd && `${formatTimestamp(estimatedEnd)}, ${formatRelative(estimatedEnd, at)}`;
  return `${words.join('')}; end: ${end ?? 'unknown'}`;
}

function formatWalks(walking: WalkingStatus, at: Date, width: number): string[] {
  const shown = walking.inProgress.slice(0, MAX_WALKS);
  if (shown.length === 0) return [];
  const lines = formatTable(listWalkColumns(at), shown, width);
  const total = walking.walks.reduce((sum, kind) => sum + kind.walksInProgress, 0);
  if (total > shown.length)
    lines.push(`${MARKS.more} and ${formatCount(total - shown.length)} more`);
  return lines.map((line) => `  ${line}`);
}

function listWalkColumns(at: Date): FittedColumn<WalkStatus>[] {
  return [
    { name: 'walk', weight: 6, text: formatWalkName },
    { name: 'read', weight: 4, align: 'right', text: ({ items }) => formatCount(items) },
    { name: 'expected', weight: 2, align: 'right', text: ({ expected }) => number(expected) },
    { name: 'pages', weight: 1, align: 'right', text: ({ pages }) => formatCount(pages) },
    { name: 'items/s', weight: 3, align: 'right', text: ({ rate }) => number(rate) },
    {
      name: 'ends',
      weight: 5,
      text: ({ estimatedEnd }) => (estimatedEnd === null ? '' : formatRelative(estimatedEnd, at)),
    },
  ];
}

/** A walk over members is shown by number: the name of a group can be personal. */
function formatWalkName({ id, kind, prefix }: WalkStatus): string {
  if (kind === 'members') return `members, walk ${id}`;
  return prefix ? `${kind} ${prefix}${MARKS.more}` : kind;
}
