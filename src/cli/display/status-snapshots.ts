import type { SnapshotStatus, Status } from '../../runner/status.ts';
import type { WalkingStatus, WalkStatus } from '../../runner/walking-status.ts';
import { printable } from '../../telemetry/printable.ts';
import { type FittedColumn, fittedTable } from './fitted-table.ts';
import { formatCount } from './format.ts';
import { formatMoment, formatSpan, fromNow } from './moments.ts';
import { wrap } from './wrap.ts';

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
  { name: 'state', weight: 9, text: ({ state }) => state },
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

/**
 * The newest snapshots of a pool and how far the one is that is being taken, in lines of at most
 * `width` columns; none where there is no snapshot.
 */
export function snapshotLines(status: Status, poolId: string, width: number): string[] {
  const snapshots = status.snapshots.filter((snapshot) => snapshot.poolId === poolId);
  if (snapshots.length === 0) return [];
  return [
    ...fittedTable(COLUMNS, snapshots, width),
    ...snapshots.flatMap((snapshot) => remarks(snapshot, status.at, width)),
  ];
}

/** What the table has no room for: why a snapshot stands where it does, and how far its walks are. */
function remarks(row: SnapshotStatus, at: Date, width: number): string[] {
  const { snapshot, reason, walking } = row;
  const tell = (text: string) => wrap('  ', printable(`${snapshot}: ${text}`), width);
  const lines = reason === null ? [] : tell(reason);
  if (walking === null) return lines;
  for (const kind of walking.walks) {
    const of = kind.expected === null ? '' : ` of about ${formatCount(kind.expected)}`;
    lines.push(
      ...tell(
        `${kind.kind}: ${formatCount(kind.items)}${of} read, ` +
          `${formatCount(kind.walksDone)} of ${formatCount(kind.walks)} walks ended`,
      ),
    );
  }
  return [...lines, ...tell(paceOf(row, walking, at)), ...walkLines(walking, at, width - 2)];
}

/** Such as `1,440 items/s; end: 2026-11-21T02:05:00Z, in 5 min`. */
function paceOf({ snapshotAt }: SnapshotStatus, walking: WalkingStatus, at: Date): string {
  const { rate, rateSince, readAt, estimatedEnd } = walking;
  const words = [`${formatCount(rate)} items/s`];
  if (rateSince <= snapshotAt) words.push(' on average');
  if (readAt !== null && secondsBetween(readAt, at) >= QUIET_AFTER_SECONDS) {
    words.push(`, no page asked for in ${formatSpan(secondsBetween(readAt, at))}`);
  }
  const end = estimatedEnd && `${formatMoment(estimatedEnd)}, ${fromNow(estimatedEnd, at)}`;
  return `${words.join('')}; end: ${end ?? 'unknown'}`;
}

function walkLines(walking: WalkingStatus, at: Date, width: number): string[] {
  const shown = walking.inProgress.slice(0, MOST_WALKS);
  if (shown.length === 0) return [];
  const lines = fittedTable(walkColumns(at), shown, width);
  const total = walking.walks.reduce((sum, kind) => sum + kind.walksInProgress, 0);
  if (total > shown.length) lines.push(`… and ${formatCount(total - shown.length)} more`);
  return lines.map((line) => `  ${line}`);
}

function walkColumns(at: Date): FittedColumn<WalkStatus>[] {
  return [
    { name: 'walk', weight: 6, text: nameOf },
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
function nameOf({ id, kind, prefix }: WalkStatus): string {
  if (kind === 'members') return `members, walk ${id}`;
  return prefix ? `${kind} ${prefix}…` : kind;
}

function secondsBetween(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1000;
}
