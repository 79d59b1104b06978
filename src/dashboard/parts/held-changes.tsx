import { formatCommand } from '../../common/command.ts';
import { formatCount } from '../../common/text.ts';
import type { Change } from '../../history/changes.ts';
import { List } from '../../report/list.tsx';
import { Table } from '../../report/table.tsx';
import { Text } from '../../report/text.tsx';
import type { HeldComparison } from '../held-reader.ts';

/** The changes in counts, and a list of the first. */
export function HeldChanges({
  poolId,
  changes,
  isListed,
}: {
  readonly poolId: string;
  readonly changes: HeldComparison;
  /** False for those who see counts only. */
  readonly isListed: boolean;
}) {
  const all = (
    <>
      <code>{formatCommand(['diff', poolId, 'latest', 'held'])}</code> shows all.
    </>
  );
  if (changes === 'comparing' || changes === 'too long') {
    return (
      <>
        <h2>What it would change</h2>
        <p>
          {changes === 'comparing'
            ? 'It is being compared with what is published. Load this page again in a few seconds. '
            : 'Too much to count here in time. '}
          {all}
        </p>
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
      {isListed ? (
        <List
          noun="change"
          list={{ total, shown: [...shown] }}
          columns={[
            { title: 'What', cell: (change) => <Named change={change} /> },
            { title: 'Change', cell: ({ kind }) => kind },
          ]}
          all={all}
        />
      ) : null}
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
