import { formatDuration } from '../../common/format.ts';
import { formatCount } from '../../common/text.ts';
import type { SnapshotWalks, WalkRecord } from '../../postgres/store/snapshot-walks.ts';
import type { SnapshotRow } from '../../postgres/store/snapshots.ts';
import { type Lane, type Span, Timeline } from '../charts/timeline.tsx';

/** How many walks are drawn: more are in the table. */
const MOST_LANES = 40;

interface WalksProps {
  readonly row: SnapshotRow;
  readonly walks: SnapshotWalks | null;
}

/** When each walk was read, waited for quota, started again and was taken again. */
export function WalksSection({ row, walks }: WalksProps) {
  if (walks === null || walks.walks.length === 0) {
    const reason =
      row.state === 'walking'
        ? 'No page was read yet.'
        : 'Not recorded: no page of it was read, or an earlier version of the program read it.';
    return <p class="none">{reason}</p>;
  }
  const read = walks.walks.filter(({ leftAt }) => leftAt.some((at) => at !== null));
  const lanes = read
    .toSorted((a, b) => readingMs(b) - readingMs(a))
    .slice(0, MOST_LANES)
    .sort((a, b) => a.id - b.id);
  return (
    <>
      {walks.total > lanes.length ? (
        <p class="quiet">
          {`Drawn are the ${formatCount(lanes.length)} walks that took longest, of ${formatCount(walks.total)}.`}
        </p>
      ) : null}
      <Timeline
        id="walks"
        title="Walks over time"
        description="A lane for each walk: when it was read, which share of that it waited for quota, when it paused, and when it started again."
        period={[row.snapshotAt, endOf(read, row)]}
        lanes={lanes.map(toLane)}
        empty="No page was read yet."
        table={{ columns: COLUMNS, rows: walks.walks.map(toRow) }}
      />
    </>
  );
}

function endOf(walks: readonly WalkRecord[], { snapshotAt }: SnapshotRow): Date {
  const ends = walks.flatMap(({ leftAt }) => leftAt.flatMap((at) => (at ? Date.parse(at) : [])));
  return new Date(ends.reduce((a, b) => Math.max(a, b), snapshotAt.getTime() + 1_000));
}

/** The times at which holders read a walk. */
function spansOf({ takenAt, leftAt }: WalkRecord): { from: Date; to: Date }[] {
  return takenAt.flatMap((taken, index) => {
    const left = leftAt[index] ?? null;
    return left === null ? [] : [{ from: new Date(taken), to: new Date(left) }];
  });
}

function readingMs(walk: WalkRecord): number {
  return spansOf(walk).reduce((sum, { from, to }) => sum + to.getTime() - from.getTime(), 0);
}

function toLane(walk: WalkRecord): Lane {
  const length = readingMs(walk);
  const waiting = length === 0 ? 0 : Math.min(1, walk.waitedMs / length);
  return {
    label: labelOf(walk),
    spans: spansOf(walk).map((span): Span => ({ ...span, waiting })),
    restarts: walk.restartedAt.map((at) => new Date(at)),
    isOpen: walk.state === 'open',
  };
}

/** Short, and without the name of a group. */
function labelOf({ id, kind, prefix }: WalkRecord): string {
  if (kind === 'groups') return 'groups';
  if (kind === 'members') return `group ${id}`;
  return prefix ? `sub ${prefix}` : 'users';
}

const COLUMNS = [
  'Walk',
  'State',
  'Began (UTC)',
  'Read for',
  'Waited for quota',
  'Pages',
  'Entries',
  'Repeated calls',
  'Started again',
  'Taken again',
];

const STATES: Readonly<Record<string, string>> = {
  open: 'not ended',
  done: 'read to its end',
  split: 'split into shards',
  dropped: 'its group was deleted',
  superseded: 'replaced by one chain',
};

function toRow(walk: WalkRecord): string[] {
  const { id, takenAt, waitedMs, pages, items, retries, restartedAt, state } = walk;
  const began = takenAt[0] === undefined ? null : new Date(takenAt[0]);
  return [
    `${labelOf(walk)} (walk ${id})`,
    STATES[state] ?? state,
    began === null ? '–' : began.toISOString().slice(11, 19),
    formatDuration(readingMs(walk) / 1_000),
    formatDuration(waitedMs / 1_000),
    formatCount(pages),
    formatCount(items),
    formatCount(retries),
    formatCount(restartedAt.length),
    formatCount(Math.max(0, takenAt.length - 1)),
  ];
}
