import { formatCommand } from '../../common/command.ts';
import { formatCount } from '../../common/text.ts';
import type { Change } from '../../history/changes.ts';
import type { DiffSummary } from '../../history/diff.ts';
import { List } from '../../report/list.tsx';
import { Table } from '../../report/table.tsx';
import { Text } from '../../report/text.tsx';
import type { DashboardDeps } from '../deps.ts';

/** How many changes are listed. */
const MOST = 50;

/** Connections are cut after 7 s without an answer. */
const WITHIN_MS = 4_000;

/** What a held snapshot would change; null if counting it takes too long. */
export type HeldComparison = {
  readonly summary: DiffSummary;
  /** The first changes; null for those who see counts only. */
  readonly shown: readonly Change[] | null;
} | null;

/** Compares the held snapshot of a pool with what is published, as `diff POOL latest held` does. */
export async function readHeldChanges(
  { actions }: Pick<DashboardDeps, 'actions'>,
  poolId: string,
  isListed: boolean,
): Promise<HeldComparison> {
  const signal = AbortSignal.timeout(WITHIN_MS);
  const shown: Change[] = [];
  try {
    const { summary } = await actions.diff(
      poolId,
      async (_, batches) => {
        for await (const changes of batches) {
          if (isListed) shown.push(...changes.slice(0, MOST - shown.length));
        }
      },
      { to: 'held', signal },
    );
    return { summary, shown: isListed ? shown : null };
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

/** The changes in counts, and a list of the first. */
export function HeldChanges({
  poolId,
  changes,
}: {
  readonly poolId: string;
  readonly changes: HeldComparison;
}) {
  const all = (
    <>
      <code>{formatCommand(['diff', poolId, 'latest', 'held'])}</code> shows all.
    </>
  );
  if (changes === null) {
    return (
      <>
        <h2>What it would change</h2>
        <p>Too much to count here in time. {all}</p>
      </>
    );
  }
  const { summary, shown } = changes;
  const { users, groups, memberships, settings } = summary;
  const total = [users, groups, settings ?? {}]
    .flatMap((tally) => Object.values<number>({ ...tally }))
    .reduce((sum, each) => sum + each, 0);
  return (
    <>
      <h2>What it would change</h2>
      <Table
        caption={
          users.replaced > 0
            ? `${formatCount(users.replaced)} usernames would belong to another person.`
            : 'Compared with what is published'
        }
        columns={[
          { title: 'What', cell: ([entity]) => entity },
          { title: 'Added', isNumber: true, cell: ([, { added }]) => formatTally(added) },
          { title: 'Modified', isNumber: true, cell: ([, { modified }]) => formatTally(modified) },
          { title: 'Removed', isNumber: true, cell: ([, { removed }]) => formatTally(removed) },
        ]}
        rows={Object.entries<Tally>({ users, groups, memberships, ...(settings && { settings }) })}
      />
      {shown === null ? null : (
        <List
          noun="change"
          list={{ total, shown: [...shown] }}
          columns={[
            { title: 'What', cell: (change) => <Named change={change} /> },
            { title: 'Change', cell: ({ kind }) => kind },
          ]}
          all={all}
        />
      )}
    </>
  );
}

/** How many of each kind of change; undefined for a kind that does not exist. */
interface Tally {
  readonly added?: number;
  readonly modified?: number;
  readonly removed?: number;
}

function formatTally(count: number | undefined): string {
  return count === undefined ? '' : formatCount(count);
}

function Named({ change }: { readonly change: Change }) {
  switch (change.entity) {
    case 'user':
      return (
        <>
          user <Text value={change.username} />
        </>
      );
    case 'group':
      return (
        <>
          group <Text value={change.groupName} />
        </>
      );
    default:
      return (
        <>
          setting <Text value={change.part} />
        </>
      );
  }
}
