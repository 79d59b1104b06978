import { formatSpan } from '../../common/format.ts';
import { formatCount } from '../../common/text.ts';
import { secondsBetween } from '../../common/time.ts';
import type { SnapshotRow } from '../../postgres/store/snapshots.ts';
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
    <div class="table">
      <table class="stacked">
        <caption>Snapshots, the newest first</caption>
        <thead>
          <tr>
            <th scope="col">Began</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Duration
            </th>
            <th scope="col" class="number">
              Users
            </th>
            <th scope="col">Changes</th>
            <th scope="col" class="number">
              Calls
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <SnapshotsRow row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SnapshotsRow({ row }: { readonly row: SnapshotRow }) {
  const { poolId, snapshot, snapshotAt, reason, users, added, modified, removed } = row;
  const duration = durationOf(row);
  return (
    <tr>
      <th scope="row">
        <a href={snapshotPath(poolId, snapshot)}>
          <Time at={snapshotAt} />
        </a>
      </th>
      <td data-title="State">
        <SnapshotState row={row} />
        {reason === null ? null : (
          <small>
            <Text value={reason} />
          </small>
        )}
      </td>
      <td data-title="Duration" class="number">
        {duration === null ? '–' : formatSpan(duration)}
      </td>
      <td data-title="Users" class="number">
        {users === null ? '–' : formatCount(users)}
      </td>
      <td data-title="Changes">
        {added === null
          ? '–'
          : `${formatCount(added)} added, ${formatCount(modified ?? 0)} modified, ${formatCount(removed ?? 0)} removed`}
      </td>
      <td data-title="Calls" class="number">
        {formatCount(row.apiCalls)}
        {row.throttled === 0 ? null : <small>{formatCount(row.throttled)} throttled</small>}
      </td>
    </tr>
  );
}
