import type { Child } from 'hono/jsx';
import { formatCount } from '../../common/text.ts';
import type { StatusCount } from '../../model/report-source.ts';
import type { Report, ReportedState } from '../report.ts';
import { Table } from '../table.tsx';
import { Status } from '../text.tsx';

/** The rows at both ends of the period. */
export function CountsSection({ report: { from, to } }: { readonly report: Report }) {
  const row = (name: Child, count: (state: ReportedState) => number) => ({
    name,
    before: count(from),
    after: count(to),
  });
  /** A row for a part of the row above. */
  const part = (name: Child, count: (state: ReportedState) => number) =>
    row(<span class="part">{name}</span>, count);
  const add = (
    state: ReportedState,
    matches: (each: StatusCount) => boolean,
    count: (each: StatusCount) => number = ({ users }) => users,
  ) => state.counts.statuses.filter(matches).reduce((sum, each) => sum + count(each), 0);
  const every = () => true;
  const all = [...from.counts.statuses, ...to.counts.statuses];
  const statuses = [...new Set(all.map(({ status }) => status))].sort();
  const rows = [
    row('Users', ({ users }) => users),
    part('disabled', (state) => add(state, ({ enabled }) => enabled === false)),
    ...statuses.map((status) =>
      part(status === null ? 'without a status' : <Status value={status} />, (state) =>
        add(state, (each) => each.status === status),
      ),
    ),
    // A pool whose MFA states are not read would only have unknown ones.
    ...(all.some(({ mfaKnown }) => mfaKnown > 0)
      ? [
          part('MFA state known', (state) => add(state, every, (each) => each.mfaKnown)),
          part('of them without a second factor', (state) =>
            add(state, every, (each) => each.withoutMfa),
          ),
          part('MFA state unknown', (state) =>
            add(state, every, (each) => each.users - each.mfaKnown),
          ),
        ]
      : []),
    row('Groups', ({ counts }) => counts.groups),
    row('Memberships', ({ memberships }) => memberships),
  ];
  return (
    <section>
      <h2 id="counts">Population</h2>
      <Table
        caption="Users, groups and memberships in both snapshots"
        columns={[
          { title: 'Number of', cell: ({ name }) => name },
          { title: day(from), isNumber: true, cell: ({ before }) => formatCount(before) },
          { title: day(to), isNumber: true, cell: ({ after }) => formatCount(after) },
          {
            title: 'Difference',
            isNumber: true,
            cell: ({ before, after }) => formatDifference(after - before),
          },
        ]}
        rows={rows}
      />
    </section>
  );
}

function day({ snapshotAt }: ReportedState): string {
  return snapshotAt.toISOString().slice(0, 16).replace('T', ' ');
}

function formatDifference(difference: number): string {
  if (difference === 0) return '0';
  return `${difference > 0 ? '+' : '−'}${formatCount(Math.abs(difference))}`;
}
