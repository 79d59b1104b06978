import type { SnapshotStatus } from '../../runner/status.ts';
import { Table } from './table.ts';

const count = new Intl.NumberFormat('en-US');
const number = (value: number | null) => (value === null ? '' : count.format(value));

const COLUMNS = [
  { name: 'snapshot' },
  { name: 'state' },
  { name: 'users', align: 'right' },
  { name: 'groups', align: 'right' },
  { name: 'memberships', align: 'right' },
  { name: 'added', align: 'right' },
  { name: 'modified', align: 'right' },
  { name: 'removed', align: 'right' },
  { name: 'calls', align: 'right' },
  { name: 'throttled', align: 'right' },
] as const;

/** Where snapshots stand, pool by pool, in lines of at most `width` columns. */
export function statusText(snapshots: readonly SnapshotStatus[], width: number): string {
  if (snapshots.length === 0) return 'No snapshot was taken yet: `cognito-mirror sync POOL`.\n';
  const pools = [...new Set(snapshots.map((snapshot) => snapshot.poolId))];
  return pools
    .map((poolId) => {
      const own = snapshots.filter((snapshot) => snapshot.poolId === poolId);
      const rows = own.map(row);
      const table = new Table(COLUMNS, rows, width);
      return `${poolId}\n${table.header}${table.rows(rows)}${own.map(remarks).join('')}`;
    })
    .join('\n');
}

function row(snapshot: SnapshotStatus): string[] {
  return [
    snapshot.snapshot,
    snapshot.state,
    ...[
      snapshot.users,
      snapshot.groups,
      snapshot.memberships,
      snapshot.added,
      snapshot.modified,
      snapshot.removed,
      snapshot.apiCalls,
      snapshot.throttled,
    ].map(number),
  ];
}

/** What the table has no room for: why a snapshot stands where it does, and how far its walks are. */
function remarks({ snapshot, reason, walking }: SnapshotStatus): string {
  const lines = reason === null ? [] : [`${snapshot}: ${reason}`];
  for (const kind of walking?.walks ?? []) {
    const of = kind.expected === null ? '' : ` of about ${number(kind.expected)}`;
    lines.push(
      `${snapshot}: ${kind.kind}: ${number(kind.items)}${of} read, ` +
        `${number(kind.walksDone)} of ${number(kind.walks)} walks ended`,
    );
  }
  if (walking) {
    const end = walking.estimatedEnd?.toISOString() ?? 'unknown';
    lines.push(`${snapshot}: ${number(Math.round(walking.rate))} items/s on average; end: ${end}`);
  }
  return lines.map((line) => `  ${line}\n`).join('');
}
