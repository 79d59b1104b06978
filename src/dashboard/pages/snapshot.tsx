import type { Context, Hono } from 'hono';
import { formatCommand } from '../../common/command.ts';
import { formatSpan } from '../../common/format.ts';
import { formatCount } from '../../common/text.ts';
import type { CheckRecord } from '../../model/report-source.ts';
import { CheckTables, describeRemovals } from '../../report/sections/evidence.tsx';
import { Message, Time } from '../../report/text.tsx';
import type { DashboardDeps } from '../deps.ts';
import { respondWithProblem } from '../errors.tsx';
import { Notice, Page, renderPage } from '../layout.tsx';
import { discardPath, OVERVIEW, poolPath, releasePath, snapshotPath } from '../paths.ts';
import { durationOf, SnapshotState } from '../pool/snapshots-table.tsx';
import type { SealedNames } from '../sealed-names.ts';
import type { DashboardEnv, Session } from '../session.ts';
import { ArchiveSection } from '../snapshot/archive.tsx';
import { ChangeCounts, ChangeList } from '../snapshot/changes.tsx';
import { logChanges } from '../snapshot/log-changes.ts';
import {
  CHANGE_FILTERS,
  type ChangesAsked,
  type ChangesPage,
  ChangesReader,
  type MembershipChanges,
} from '../snapshot/read-changes.ts';
import { readSnapshot, type SnapshotDetails } from '../snapshot/read-snapshot.ts';
import { WalksSection } from '../snapshot/walks.tsx';

const UNKNOWN =
  'The pool has no snapshot with this id. Choose one on the page of the pool; `cognito-mirror status` lists the newest.';

/** What a snapshot changed: counts for everybody, the changes for those who may see people. */
interface ShownChanges {
  readonly memberships: MembershipChanges;
  readonly asked: ChangesAsked;
  readonly page: ChangesPage | null;
}

/** The page of a snapshot: how it was read, what it changed, why it counts as complete, its archive. */
export function addSnapshot(
  app: Hono<DashboardEnv>,
  { db, log }: DashboardDeps,
  names: SealedNames,
): void {
  const reader = new ChangesReader(db);
  app.on(['GET', 'POST'], '/pools/:pool/snapshots/:snapshot', async (context) => {
    const session = context.get('session');
    const { pool, snapshot } = context.req.param();
    const details = await readSnapshot(db, pool, snapshot);
    if (details === null) return respondWithProblem(context, 404, UNKNOWN);
    const span = reader.spanOf(details);
    let changes: ShownChanges | null = null;
    if (span !== null) {
      const asked = await readAsked(context);
      const seesPeople = session.right === 'act';
      const page = seesPeople ? await reader.read(details, span, asked) : null;
      if (page !== null) logChanges(log, context, { poolId: pool, people: page.users.length });
      changes = { memberships: await reader.countMemberships(details, span), asked, page };
    }
    const { row } = details;
    return renderPage(
      context,
      <Page
        title={`Snapshot ${row.snapshot}`}
        session={session}
        trail={[{ title: row.poolId, path: poolPath(row.poolId) }]}
      >
        <Around details={details} />
        <Facts details={details} />
        {row.state === 'held' ? <Held details={details} session={session} /> : null}
        <h2 id="walks-section">Walks</h2>
        <WalksSection row={row} walks={details.walks} />
        <h2 id="changes">Changes</h2>
        {changes === null ? (
          <p class="none">{explainUnchanged(details)}</p>
        ) : (
          <Changes details={details} changes={changes} session={session} names={names} />
        )}
        <h2 id="checks">Checks</h2>
        <Checks details={details} />
        <h2 id="archive">Archive</h2>
        <ArchiveSection details={details} />
      </Page>,
    );
  });
}

async function readAsked(context: Context): Promise<ChangesAsked> {
  const form = context.req.method === 'POST' ? await context.req.parseBody() : {};
  const read = (name: string) => {
    const value: unknown = (form as Record<string, unknown>)[name];
    // Postgres holds no U+0000.
    return typeof value === 'string' ? value.replaceAll('\0', '') : '';
  };
  return {
    filter: CHANGE_FILTERS.find((each) => each === read('filter')) ?? 'all',
    text: read('text').trim(),
    after: read('after'),
  };
}

function Around({ details: { row, neighbours } }: { readonly details: SnapshotDetails }) {
  const { before, after } = neighbours;
  return (
    <nav aria-label="Published snapshots before and after">
      <ul class="inline">
        {before === null ? null : (
          <li>
            <a href={snapshotPath(row.poolId, before)}>← Before</a>
          </li>
        )}
        {after === null ? null : (
          <li>
            <a href={snapshotPath(row.poolId, after)}>After →</a>
          </li>
        )}
      </ul>
    </nav>
  );
}

function Facts({ details: { row, run } }: { readonly details: SnapshotDetails }) {
  const duration = durationOf(row);
  const known = (count: number | null) => (count === null ? 'not counted yet' : formatCount(count));
  return (
    <dl class="facts">
      <dt>State</dt>
      <dd>
        <SnapshotState row={row} />
      </dd>
      {row.reason === null || row.state === 'held' ? null : (
        <>
          <dt>Reason</dt>
          <dd>
            <Message value={row.reason} />
          </dd>
        </>
      )}
      <dt>Began</dt>
      <dd>
        <Time at={row.snapshotAt} />
        {duration === null ? null : `, took ${formatSpan(duration)}`}
      </dd>
      <dt>Read, published, archived</dt>
      <dd>
        {[row.walkedAt, row.publishedAt, row.archivedAt].map((at, index) => (
          <>
            {index === 0 ? '' : ', '}
            {at === null ? 'not yet' : <Time at={at} />}
          </>
        ))}
      </dd>
      <dt>Users, groups, memberships</dt>
      <dd>{[row.users, row.groups, row.memberships].map(known).join(', ')}</dd>
      <dt>Calls</dt>
      <dd>
        {`${formatCount(row.apiCalls)}, of which ${formatCount(row.throttled)} were throttled and ${formatCount(row.retries)} repeated a failed one`}
      </dd>
      <dt>Runners</dt>
      <dd>{run === null ? 'unknown' : `its lease was taken ${formatCount(run.leases)} times`}</dd>
      {row.repaired === null || row.repaired === 0 ? null : (
        <>
          <dt>Repaired rows</dt>
          <dd>{formatCount(row.repaired)} that something else had changed in the database</dd>
        </>
      )}
    </dl>
  );
}

interface HeldProps {
  readonly details: SnapshotDetails;
  readonly session: Session;
}

function Held({ details: { row }, session }: HeldProps) {
  const { poolId, snapshot } = row;
  return (
    <Notice kind="bad">
      <p>
        It is held and waits for a person: <Message value={row.reason ?? ''} />
      </p>
      <p>
        What it would change: <code>{formatCommand(['diff', poolId, 'latest', 'held'])}</code>, or
        see the <a href={OVERVIEW}>overview</a>.
      </p>
      {session.right === 'act' ? (
        <p>
          <a href={releasePath(poolId, snapshot)}>Release it</a> or{' '}
          <a href={discardPath(poolId, snapshot)}>discard it</a>.
        </p>
      ) : null}
    </Notice>
  );
}

function explainUnchanged({ row, run, pool }: SnapshotDetails): string {
  if (row.publishedAt === null) return 'It is not published, so it changed nothing.';
  if (run !== null && run.comparedWith === null) {
    return 'It is the first published snapshot of the pool, which has no changes.';
  }
  return pool.startsAt !== null && row.snapshotAt <= pool.startsAt
    ? 'Not known any more: older versions were deleted (MIRROR_HISTORY_DAYS). The archive has them.'
    : 'Not recorded.';
}

interface ChangesProps extends HeldProps {
  readonly changes: ShownChanges;
  readonly names: SealedNames;
}

function Changes({ details: { row }, changes, session, names }: ChangesProps) {
  const { memberships, asked, page } = changes;
  return (
    <>
      <ChangeCounts row={row} memberships={memberships} />
      {page === null ? (
        <p class="quiet">
          Your token sees counts only. The token of <code>MIRROR_HTTP_TOKEN</code> also sees who
          changed.
        </p>
      ) : (
        <ChangeList row={row} asked={asked} page={page} names={names} session={session} />
      )}
    </>
  );
}

function Checks({ details: { row, check } }: { readonly details: SnapshotDetails }) {
  if (check === null) {
    return <p class="none">{row.walkedAt === null ? 'Not checked yet.' : 'Not recorded.'}</p>;
  }
  return (
    <>
      <dl class="facts">
        <dt>Result</dt>
        <dd>
          <Verdict check={check} />
        </dd>
        <dt>Estimate of the service</dt>
        <dd>
          {formatCount(check.estimatedUsers)} users; {formatCount(row.users ?? 0)} were read
        </dd>
        <dt>Confirmed removals</dt>
        <dd>{describeRemovals(check)}</dd>
      </dl>
      <CheckTables check={check} />
    </>
  );
}

function Verdict({ check: { objection } }: { readonly check: CheckRecord }) {
  if (objection === null) return <>passed</>;
  return (
    <>
      held: <Message value={objection} />
    </>
  );
}
