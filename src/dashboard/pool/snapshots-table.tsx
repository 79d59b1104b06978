import { formatSpan } from '../../common/format.ts';
import { formatCount } from '../../common/text.ts';
import { secondsBetween } from '../../common/time.ts';
import type { SnapshotRow } from '../../postgres/store/snapshots.ts';
import { Table } from '../../report/table.tsx';
import { Text, Time } from '../../report/text.tsx';
import { type SquareState, StateMark } from '../charts/squares.tsx';
import { snapshotPath } from '../paths.ts';

/** The state of a snapshot: a mark and its name. */
export function SnapshotState({ row: { state, archiveRemovedAt } }: { readonly row: SnapshotRow }) {
  const mark: SquareState = state === 'comparing' ? 'walking' : state;
  return (
    <>
      <StateMark state={mark} /> {state}
      {archiveRemovedAt === null ? null : <small>objects removed by retention</small>}
    </>
  );
}

/** How long a snapshot took until it was archived, or until it was published; null before. */
export function durationOf({ snapshotAt, publishedAt, archivedAt }: SnapshotRow): number | null {
  const end = archivedAt ?? publishedAt;
  return end === null ? null : secondsBetween(snapshotAt, end);
}

/** Snapshots of a pool, the newest first. */
export function SnapshotsTable({ rows }: { readonly rows: readonly SnapshotRow[] }) {
  return (
    <Table
      isStacked
      caption="Snapshots, the newest first"
      columns={[
        {
          title: 'Began',
          cell: ({ poolId, snapshot, snapshotAt }) => (
            <a href={snapshotPath(poolId, snapshot)}>
              <Time at={snapshotAt} />
            </a>
          ),
        },
        { title: 'State', cell: (row) => <StateWithReason row={row} /> },
        { title: 'Duration', isNumber: true, cell: formatLength },
        {
          title: 'Users',
          isNumber: true,
          cell: ({ users }) => (users === null ? '–' : formatCount(users)),
        },
        { title: 'Changes', cell: formatChanges },
        { title: 'Calls', isNumber: true, cell: (row) => <Calls row={row} /> },
      ]}
      rows={rows}
    />
  );
}

function StateWithReason({ row }: { readonly row: SnapshotRow }) {
  return (
    <>
      <SnapshotState row={row} />
      {row.reason === null ? null : (
        <small>
          <Text value={row.reason} />
        </small>
      )}
    </>
  );
}

function formatLength(row: SnapshotRow): string {
  const duration = durationOf(row);
  return duration === null ? '–' : formatSpan(duration);
}

function formatChanges({ added, modified, removed }: SnapshotRow): string {
  if (added === null) return '–';
  return `${formatCount(added)} added, ${formatCount(modified ?? 0)} modified, ${formatCount(removed ?? 0)} removed`;
}

function Calls({ row: { apiCalls, throttled } }: { readonly row: SnapshotRow }) {
  return (
    <>
      {formatCount(apiCalls)}
      {throttled === 0 ? null : <small>{formatCount(throttled)} throttled</small>}
    </>
  );
}
