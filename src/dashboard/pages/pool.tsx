import type { Hono } from 'hono';
import { formatCommand } from '../../common/command.ts';
import { formatCount } from '../../common/text.ts';
import { parseSnapshotId } from '../../model/snapshot.ts';
import { readClock } from '../../postgres/connection.ts';
import { Table } from '../../report/table.tsx';
import { Status, Text, Time } from '../../report/text.tsx';
import type { DashboardDeps } from '../deps.ts';
import { respondWithProblem } from '../errors.tsx';
import { Page, renderPage } from '../layout.tsx';
import { groupPath, peoplePath, poolPath, snapshotPath } from '../paths.ts';
import { PoolCharts } from '../pool/charts.tsx';
import { concealName } from '../pool/conceal-name.ts';
import {
  GROUPS_PER_PAGE,
  PERIODS,
  type PeriodDays,
  type PoolDetails,
  type PoolQuestion,
  PoolReader,
} from '../pool/read-pool.ts';
import { SnapshotsTable } from '../pool/snapshots-table.tsx';
import type { SealedNames } from '../sealed-names.ts';
import type { DashboardEnv } from '../session.ts';

const UNKNOWN =
  'No pool with this id is mirrored. Check its id on the overview, or take its first snapshot with `cognito-mirror sync`.';

/** The page of a pool: its users and groups now and over time, and its snapshots. Counts only. */
export function addPool(app: Hono<DashboardEnv>, { db }: DashboardDeps, names: SealedNames): void {
  const reader = new PoolReader(db);
  app.get('/pools/:pool', async (context) => {
    const session = context.get('session');
    const question = readQuestion(context.req.param('pool'), (name) => context.req.query(name));
    const details = await reader.read(question, await readClock(db));
    if (details === null) return respondWithProblem(context, 404, UNKNOWN);
    const { pool } = details;
    const seesPeople = session.right === 'act';
    return renderPage(
      context,
      <Page
        title={pool.poolId}
        heading={pool.name === null ? pool.poolId : <Text value={pool.name} />}
        session={session}
      >
        <Facts details={details} />
        {seesPeople ? (
          <p>
            <a href={peoplePath(pool.poolId)}>Search for people in this pool</a>
          </p>
        ) : null}
        {pool.latestAt === null ? (
          <NothingPublished details={details} />
        ) : (
          <>
            <h2 id="over-time">Over time</h2>
            <PeriodLinks poolId={pool.poolId} chosen={question.days} />
            <PoolCharts details={details} seesPeople={seesPeople} />
            <div class="columns">
              <Statuses details={details} />
              <Groups {...{ details, question, seesPeople, names }} />
            </div>
          </>
        )}
        <Settings details={details} />
        <Snapshots details={details} question={question} />
      </Page>,
    );
  });
}

function readQuestion(poolId: string, query: (name: string) => string | undefined): PoolQuestion {
  const days = PERIODS.find((each) => String(each) === query('days')) ?? 90;
  const after = Number(query('groups') ?? 0);
  return {
    poolId,
    days,
    before: parseSnapshotId(query('before') ?? ''),
    groupsAfter: Number.isSafeInteger(after) && after > 0 ? after : 0,
  };
}

/** The path of the page with other choices. */
function pathOf({ poolId, days, groupsAfter }: PoolQuestion, before: string | null = null): string {
  const query = new URLSearchParams();
  if (days !== 90) query.set('days', String(days));
  if (groupsAfter > 0) query.set('groups', String(groupsAfter));
  if (before !== null) query.set('before', before);
  return query.size === 0 ? poolPath(poolId) : `${poolPath(poolId)}?${query.toString()}`;
}

function Facts({ details: { pool, groups } }: { readonly details: PoolDetails }) {
  return (
    <dl class="facts">
      <dt>Pool</dt>
      <dd>
        <code>{pool.poolId}</code>
        {pool.accountId === null ? null : ` in account ${pool.accountId}`}
      </dd>
      <dt>Last published snapshot</dt>
      <dd>{pool.latestAt === null ? 'none yet' : <Time at={pool.latestAt} />}</dd>
      <dt>Users by the service’s own estimate</dt>
      <dd>{pool.estimatedUsers === null ? 'unknown' : formatCount(pool.estimatedUsers)}</dd>
      <dt>Groups</dt>
      <dd>{formatCount(groups.total)}</dd>
      {pool.startsAt === null ? null : (
        <>
          <dt>History since</dt>
          <dd>
            <Time at={pool.startsAt} />
          </dd>
        </>
      )}
    </dl>
  );
}

function NothingPublished({ details: { pool, snapshots } }: { readonly details: PoolDetails }) {
  return (
    <>
      <p>No snapshot of this pool was published yet, so there is nothing to show of its users.</p>
      {snapshots.length === 0 ? (
        <>
          <p>To take its first snapshot now:</p>
          <pre>
            <code>{formatCommand(['sync', pool.poolId])}</code>
          </pre>
        </>
      ) : null}
    </>
  );
}

function PeriodLinks({ poolId, chosen }: { poolId: string; chosen: PeriodDays }) {
  return (
    <nav aria-label="Time that the charts show">
      <ul class="inline">
        {PERIODS.map((days) => (
          <li>
            <a
              href={`${pathOf({ poolId, days, before: null, groupsAfter: 0 })}#over-time`}
              {...(days === chosen ? { 'aria-current': 'true' } : {})}
            >
              {days} days
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Statuses({ details: { statuses } }: { readonly details: PoolDetails }) {
  const total = statuses.reduce((sum, { users }) => sum + users, 0);
  return (
    <section>
      <h2>Users by status now</h2>
      {total === 0 ? (
        <p class="none">The pool has no user.</p>
      ) : (
        <Table
          caption={`${formatCount(total)} users`}
          columns={[
            { title: 'Status', cell: ({ status }) => <Status value={status} /> },
            {
              title: 'May sign in',
              cell: ({ enabled }) => (
                <span class="words">
                  {enabled === null ? 'unknown' : enabled ? 'yes' : 'no, disabled'}
                </span>
              ),
            },
            { title: 'Users', isNumber: true, cell: ({ users }) => formatCount(users) },
            {
              title: 'Share',
              isNumber: true,
              cell: ({ users }) => `${((100 * users) / total).toFixed(1)} %`,
            },
          ]}
          rows={statuses}
        />
      )}
    </section>
  );
}

interface GroupsProps {
  readonly details: PoolDetails;
  readonly question: PoolQuestion;
  /** False: each group has its rank for a name, and no page. */
  readonly seesPeople: boolean;
  readonly names: SealedNames;
}

function Groups({ details: { pool, groups }, question, seesPeople, names }: GroupsProps) {
  const { total, shown, after, largest } = groups;
  const to = (groupsAfter: number) => `${pathOf({ ...question, groupsAfter })}#groups-now`;
  const last = after + shown.length;
  const nameOf = (groupName: string, rank: number) =>
    seesPeople ? (
      <a href={groupPath(pool.poolId, names.sealGroup(pool.poolId, groupName))}>
        <Text value={groupName} />
      </a>
    ) : (
      concealName(rank)
    );
  return (
    <section>
      <h2 id="groups-now">Groups now, the largest first</h2>
      {shown.length === 0 ? (
        <p class="none">
          {total === 0 ? 'The pool has no group.' : `The pool has ${formatCount(total)} groups.`}
        </p>
      ) : (
        <Table
          caption={`Groups ${formatCount(after + 1)} to ${formatCount(last)} of ${formatCount(total)}`}
          columns={[
            { title: 'Group', cell: ({ name }) => name },
            { title: 'Members', isNumber: true, cell: ({ members }) => formatCount(members) },
            {
              title: 'Compared with the largest group',
              titleShown: 'nowhere',
              cell: ({ members }) => <Share value={members} of={largest} />,
            },
          ]}
          rows={shown.map(({ groupName, members }, index) => ({
            name: nameOf(groupName, after + index),
            members,
          }))}
        />
      )}
      <p class="actions">
        {after > 0 ? <a href={to(Math.max(0, after - GROUPS_PER_PAGE))}>Larger groups</a> : null}
        {last < total && shown.length > 0 ? <a href={to(last)}>Smaller groups</a> : null}
      </p>
    </section>
  );
}

/** A bar for the eye: the number stands beside it. */
function Share({ value, of }: { value: number; of: number }) {
  const width = of === 0 ? 0 : Math.max(value === 0 ? 0 : 1, Math.round((100 * value) / of));
  return (
    <svg class="share series-1" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="chart-area" width={width} height="8" />
    </svg>
  );
}

function Settings({ details: { pool, settings } }: { readonly details: PoolDetails }) {
  if (settings.length === 0) return null;
  return (
    <section>
      <h2>Settings that changed last</h2>
      <ul class="plain">
        {settings.map(({ snapshot, snapshotAt, parts }) => (
          <li>
            <a href={snapshotPath(pool.poolId, snapshot)}>
              <Time at={snapshotAt} />
            </a>{' '}
            <Text value={parts.join(', ')} />
          </li>
        ))}
      </ul>
      <p>
        What changed in them:{' '}
        <code>{formatCommand(['diff', pool.poolId, '--only', 'settings'])}</code>
      </p>
    </section>
  );
}

function Snapshots({ details, question }: { details: PoolDetails; question: PoolQuestion }) {
  const { snapshots, olderThan } = details;
  const first = { ...question, groupsAfter: 0 };
  return (
    <section>
      <h2 id="snapshots">Snapshots</h2>
      {snapshots.length === 0 ? (
        <p class="none">{question.before === null ? 'None yet.' : 'None before this time.'}</p>
      ) : (
        <SnapshotsTable rows={snapshots} />
      )}
      <p class="actions">
        {question.before === null ? null : <a href={`${pathOf(first)}#snapshots`}>Newest</a>}
        {olderThan === null ? null : (
          <a href={`${pathOf(first, olderThan)}#snapshots`}>Older snapshots</a>
        )}
      </p>
    </section>
  );
}
