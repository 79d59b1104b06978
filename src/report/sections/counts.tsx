import { formatCount } from '../../common/text.ts';
import type { StatusCount } from '../../model/report-source.ts';
import type { Report, ReportedState } from '../report.ts';
import { type Row, Table } from '../table.tsx';
import { Status } from '../text.tsx';

/** The rows at both ends of the period. */
export function CountsSection({ report: { from, to } }: { readonly report: Report }) {
  const row = (head: Row['head'], count: (state: ReportedState) => number, isPart = false): Row => {
    const [before, after] = [count(from), count(to)];
    return {
      head,
      isPart,
      cells: [formatCount(before), formatCount(after), formatDifference(after - before)],
    };
  };
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
    row('disabled', (state) => add(state, ({ enabled }) => enabled === false), true),
    ...statuses.map((status) =>
      row(
        status === null ? 'without a status' : <Status value={status} />,
        (state) => add(state, (each) => each.status === status),
        true,
      ),
    ),
    // A pool whose MFA states are not read would only have unknown ones.
    ...(all.some(({ mfaKnown }) => mfaKnown > 0)
      ? [
          row('MFA state known', (state) => add(state, every, (each) => each.mfaKnown), true),
          row(
            'of them without a second factor',
            (state) => add(state, every, (each) => each.withoutMfa),
            true,
          ),
          row(
            'MFA state unknown',
            (state) => add(state, every, (each) => each.users - each.mfaKnown),
            true,
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
          { title: 'Number of' },
          { title: day(from), isNumber: true },
          { title: day(to), isNumber: true },
          { title: 'Difference', isNumber: true },
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
