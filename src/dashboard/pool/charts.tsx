import { formatDuration } from '../../common/format.ts';
import type { PoolDay, StatusCountThen } from '../../postgres/dashboard/pool-history.ts';
import { BarChart } from '../charts/bars.tsx';
import { LineChart } from '../charts/line.tsx';
import { MOST_SERIES, type Series } from '../charts/series.ts';
import { StackedChart } from '../charts/stacked.tsx';
import { concealName } from './conceal-name.ts';
import type { PoolDetails } from './read-pool.ts';

const NOTHING = 'No snapshot was published in this time.';

interface PoolChartsProps {
  readonly details: PoolDetails;
  /** False: the charts name no group. */
  readonly seesPeople: boolean;
}

/** What happened to a pool, over the chosen time. */
export function PoolCharts({ details, seesPeople }: PoolChartsProps) {
  const { period, days, statusesThen, groupsOverTime } = details;
  const published = days.filter(({ snapshotAt }) => snapshotAt !== null);
  const line = (name: string, pick: (day: PoolDay) => number | null): Series => ({
    name,
    points: published.map((day) => ({ at: day.snapshotAt as Date, value: pick(day) })),
  });
  const bars = (up: (day: PoolDay) => number, down: (day: PoolDay) => number) =>
    days.map((day) => ({ day: new Date(`${day.day}T00:00:00Z`), up: up(day), down: down(day) }));
  return (
    <div class="charts">
      <LineChart
        id="users"
        title="Users"
        description="The users of the last published snapshot of each day."
        period={period}
        series={[line('users', ({ users }) => users)]}
        empty={NOTHING}
      />
      <BarChart
        id="sign-ups"
        title="Sign-ups and removals"
        description="The users that the snapshots of each day added and removed."
        period={period}
        bars={bars(
          ({ signUps }) => signUps,
          ({ removals }) => removals,
        )}
        names={['sign-ups', 'removals']}
        empty={NOTHING}
      />
      <StackedChart
        id="statuses"
        title="Users by status"
        description="The users of each status at the last published snapshot of each day."
        period={period}
        series={toStatusSeries(statusesThen)}
        empty="No snapshot in this time has kept its users by status."
      />
      <LineChart
        id="groups"
        title="Largest groups"
        description="The members of the groups that are the largest now."
        period={period}
        series={groupsOverTime.map(({ groupName, points }, index) => ({
          name: seesPeople ? groupName : concealName(index),
          points,
        }))}
        fromZero
        empty="The pool has no group."
      />
      <StackedChart
        id="duration"
        title="Duration"
        description="How long the last published snapshot of each day took: reading, check and publication, and archive. The time that it was held is left out."
        period={period}
        series={[
          line('reading', ({ readSeconds }) => readSeconds ?? 0),
          line('check and publication', ({ publishSeconds }) => publishSeconds ?? 0),
          line('archive', ({ archiveSeconds }) => archiveSeconds ?? 0),
        ]}
        format={formatDuration}
        formatTick={formatDuration}
        empty={NOTHING}
      />
      <BarChart
        id="calls"
        title="Calls"
        description="Attempts to call the service by all snapshots of each day, and those of them that it throttled."
        period={period}
        bars={bars(
          ({ apiCalls }) => apiCalls,
          ({ throttled }) => throttled,
        )}
        names={['calls', 'throttled']}
        empty="No snapshot began in this time."
      />
    </div>
  );
}

/** The frequent statuses, and the others as one: a chart tells six series apart. */
function toStatusSeries(counts: readonly StatusCountThen[]): Series[] {
  const totals = new Map<string, number>();
  for (const { status, users } of counts) {
    const name = status ?? 'without a status';
    totals.set(name, (totals.get(name) ?? 0) + users);
  }
  const names = [...totals].sort(([, a], [, b]) => b - a).map(([name]) => name);
  const own = names.length <= MOST_SERIES ? names : names.slice(0, MOST_SERIES - 1);
  const others = names.slice(own.length);
  const moments = [...new Set(counts.map(({ snapshotAt }) => snapshotAt.getTime()))];
  const toSeries = (name: string, statuses: readonly string[]): Series => ({
    name,
    points: moments.map((at) => ({
      at: new Date(at),
      value: counts
        .filter(
          (each) =>
            each.snapshotAt.getTime() === at &&
            statuses.includes(each.status ?? 'without a status'),
        )
        .reduce((sum, { users }) => sum + users, 0),
    })),
  });
  return [
    ...own.map((name) => toSeries(name, [name])),
    ...(others.length > 0 ? [toSeries('others', others)] : []),
  ];
}
