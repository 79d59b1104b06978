import { formatCommand } from '../../common/command.ts';
import { formatRelative, formatSpan } from '../../common/format.ts';
import { formatCount } from '../../common/text.ts';
import { Table } from '../../report/table.tsx';
import { Text } from '../../report/text.tsx';
import type { Status } from '../../runner/status.ts';
import { Sparkline } from '../charts/sparkline.tsx';
import { type Square, type SquareState, Squares } from '../charts/squares.tsx';
import { type Night, type PoolOverview, USERS_DAYS } from '../overview-data.ts';
import { poolPath, snapshotPath } from '../paths.ts';

interface PoolRowsProps {
  readonly pools: readonly PoolOverview[];
  readonly status: Status;
}

/** A row for each pool; without any, how to begin. */
export function PoolRows({ pools, status }: PoolRowsProps) {
  if (pools.length === 0) return <NothingYet />;
  return (
    <div class="pools">
      <Table
        isStacked
        caption="Pools"
        isCaptionHidden
        columns={[
          { title: 'Pool', cell: (pool) => <Pool pool={pool} /> },
          {
            title: 'Last nights, newest right',
            titleShown: 'above',
            cell: ({ poolId, nights }) => (
              <Squares
                squares={nights.map((night) => toSquare(poolId, night))}
                label={`The last ${nights.length} nights of ${poolId}, the newest last`}
              />
            ),
          },
          { title: 'Age', cell: (pool) => <Age pool={pool} at={status.at} /> },
          { title: 'Users', cell: (pool) => <Users pool={pool} /> },
          { title: 'Last change', cell: (pool) => <Change pool={pool} status={status} /> },
        ]}
        rows={pools}
      />
    </div>
  );
}

function Pool({ pool: { poolId, name } }: { readonly pool: PoolOverview }) {
  return (
    <>
      <a href={poolPath(poolId)}>{name === null ? poolId : <Text value={name} />}</a>
      {name === null ? null : <small>{poolId}</small>}
    </>
  );
}

function Age({ pool, at }: { readonly pool: PoolOverview; readonly at: Date }) {
  const { age, dueAt } = pool;
  const old = age.ageSeconds === null ? 'never mirrored' : formatSpan(age.ageSeconds);
  if (!pool.expected) {
    return (
      <span class="quiet">
        {old}
        {pool.retired ? <small>retired</small> : null}
      </span>
    );
  }
  const next = dueAt === null ? 'no schedule' : `next ${formatRelative(dueAt, at)}`;
  const verdict = age.vanished ? 'vanished' : age.ok ? 'on time' : 'late';
  return (
    <>
      {old} <span class={age.ok ? 'good whole' : 'bad whole'}>{verdict}</span>
      <small>{next}</small>
    </>
  );
}

function Users({ pool }: { readonly pool: PoolOverview }) {
  const [first, last] = [pool.users[0], pool.users.at(-1)];
  if (first === undefined || last === undefined) return <span class="quiet">unknown</span>;
  const label = `Users over the last ${USERS_DAYS} days: ${formatCount(first.users)} at first, ${formatCount(last.users)} now`;
  const points = pool.users.map(({ at, users }) => ({ at, value: users }));
  return (
    <>
      {formatCount(last.users)}
      {first === last ? null : <Sparkline points={points} label={label} />}
    </>
  );
}

function Change({ pool, status }: { readonly pool: PoolOverview; readonly status: Status }) {
  const newest = status.snapshots.find(
    ({ poolId, snapshot }) => poolId === pool.poolId && snapshot === pool.age.snapshot,
  );
  if (newest === undefined) return <span class="quiet">none</span>;
  const { added, modified, removed } = newest;
  return (
    <a class="whole" href={snapshotPath(pool.poolId, newest.snapshot)}>
      {`+${formatCount(added ?? 0)} ~${formatCount(modified ?? 0)} −${formatCount(removed ?? 0)}`}
    </a>
  );
}

/** What each state of a night is called. */
const WORDS: Readonly<Record<Night['state'], string>> = {
  archived: 'archived',
  published: 'published, not archived yet',
  held: 'held for review',
  walking: 'being read, or interrupted',
  comparing: 'read for a comparison',
  failed: 'failed',
  discarded: 'discarded',
  unstarted: 'failed before it began',
  none: 'no snapshot',
};

/** Such as `2026-11-28 02:00 UTC: archived, 20,002 users`, with a link to the snapshot. */
function toSquare(poolId: string, night: Night): Square {
  const { startsAt, state, snapshot, snapshotAt, users, taken } = night;
  const at = (snapshotAt ?? startsAt).toISOString();
  const words = [WORDS[state]];
  if (users !== null) words.push(`${formatCount(users)} users`);
  if (taken > 1) words.push(`the newest of ${taken} snapshots`);
  return {
    state: SQUARES[state],
    label: `${at.slice(0, 10)} ${at.slice(11, 16)} UTC: ${words.join(', ')}`,
    href: snapshot === null ? null : snapshotPath(poolId, snapshot),
  };
}

const SQUARES: Readonly<Record<Night['state'], SquareState>> = {
  archived: 'archived',
  published: 'published',
  held: 'held',
  walking: 'walking',
  comparing: 'walking',
  failed: 'failed',
  discarded: 'discarded',
  unstarted: 'failed',
  none: 'none',
};

function NothingYet() {
  return (
    <>
      <p>No pool is mirrored yet. To take the first snapshot of one:</p>
      <pre>
        <code>{formatCommand(['sync', 'us-east-1_Ab12Cd34'])}</code>
      </pre>
      <p>
        Or name pools in <code>COGNITO_POOLS</code> and start a worker, which keeps their schedule.
      </p>
    </>
  );
}
