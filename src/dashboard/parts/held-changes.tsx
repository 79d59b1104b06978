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
  const { settings, ...counts } = summary;
  const rows = Object.entries(settings === undefined ? counts : summary).map(([entity, tally]) => ({
    head: entity,
    cells: (['added', 'modified', 'removed'] as const).map((kind) => {
      const value = (tally as Partial<Record<string, number>>)[kind];
      return value === undefined ? '' : formatCount(value);
    }),
  }));
  const { users, groups } = summary;
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
          { title: 'What' },
          { title: 'Added', isNumber: true },
          { title: 'Modified', isNumber: true },
          { title: 'Removed', isNumber: true },
        ]}
        rows={rows}
      />
      {shown === null ? null : (
        <List
          noun="change"
          list={{ total, shown: [...shown] }}
          columns={[{ title: 'What' }, { title: 'Change' }]}
          toRow={(change) => ({ head: <Named change={change} />, cells: [change.kind] })}
          all={all}
        />
      )}
    </>
  );
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
