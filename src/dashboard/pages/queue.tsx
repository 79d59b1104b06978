import type { Hono } from 'hono';
import { isPoolId } from '../../model/pool-id.ts';
import { snapshotId } from '../../model/snapshot.ts';
import {
  type RequestRow,
  readRequestRows,
  readScheduleRows,
  type ScheduleRow,
} from '../../postgres/coordination/worker-status.ts';
import { countLiveWorkers } from '../../postgres/coordination/workers.ts';
import { type Column, Table } from '../../report/table.tsx';
import { Message, Time } from '../../report/text.tsx';
import type { DashboardDeps } from '../deps.ts';
import { respondWithProblem } from '../errors.tsx';
import { Form } from '../forms.tsx';
import { Notice, Page, renderPage } from '../layout.tsx';
import { JobTables } from '../parts/job-tables.tsx';
import { poolPath, QUEUE, snapshotPath, TRIGGER } from '../paths.ts';
import { refuseView } from '../people/refuse-view.ts';
import type { DashboardEnv, Session } from '../session.ts';

/** How many ended requests of each pool are shown. */
const RECENT = 10;

/** Requests and jobs with what they wait for, and why they failed. Who may act asks for snapshots here. */
export function addQueue(app: Hono<DashboardEnv>, { db, actions, worker }: DashboardDeps): void {
  app.get(QUEUE, async (context) => {
    const session = context.get('session');
    const [requests, schedules, workers, queues] = await Promise.all([
      readRequestRows(db, RECENT, null),
      readScheduleRows(db, null),
      countLiveWorkers(db),
      // Whatever Redis answers, requests are in Postgres.
      worker?.listJobs().catch(() => null),
    ]);
    const open = requests.filter(({ endedAt }) => endedAt === null);
    const ended = requests
      .filter(({ endedAt }) => endedAt !== null)
      .sort((a, b) => Number(b.endedAt) - Number(a.endedAt));
    const requested = context.req.query('requested') ?? '';
    const lastFailed = findLastFailed(ended, open);
    return renderPage(
      context,
      <Page title="Queue" session={session} here={QUEUE}>
        {isPoolId(requested) ? <Requested poolId={requested} workers={workers} /> : null}
        {workers === 0 ? (
          <Notice kind="note">
            <p>No worker is alive. Requests wait until one starts.</p>
          </Notice>
        ) : null}
        <h2>Open requests</h2>
        {open.length === 0 ? <p class="none">None.</p> : <OpenRequests requests={open} />}
        {session.right === 'act' ? (
          <Pools schedules={schedules} open={open} session={session} />
        ) : null}
        <h2>Last requests</h2>
        {ended.length === 0 ? (
          <p class="none">None yet.</p>
        ) : (
          <EndedRequests requests={ended} lastFailed={lastFailed} session={session} />
        )}
        <h2>Jobs</h2>
        {worker === null ? (
          <p class="none">
            This process is not a worker, so it does not see their jobs in Redis. The dashboard of a
            worker shows them.
          </p>
        ) : (
          <JobTables queues={queues ?? null} />
        )}
      </Page>,
    );
  });

  app.post(TRIGGER, async (context) => {
    const refused = refuseView(context);
    if (refused !== null) return refused;
    const { pool } = await context.req.parseBody();
    if (typeof pool !== 'string' || !isPoolId(pool)) {
      return respondWithProblem(context, 400, 'The form names no pool.');
    }
    await actions.trigger(pool);
    return context.redirect(`${QUEUE}?requested=${encodeURIComponent(pool)}`, 303);
  });
}

/** The failed requests that nothing followed: each is the newest of a pool without an open one. */
function findLastFailed(
  newestFirst: readonly RequestRow[],
  open: readonly RequestRow[],
): ReadonlySet<number> {
  const seen = new Set(open.map(({ poolId }) => poolId));
  const failed = new Set<number>();
  for (const { id, poolId, outcome } of newestFirst) {
    if (seen.has(poolId) || outcome === 'skipped') continue;
    seen.add(poolId);
    if (outcome === 'failed') failed.add(id);
  }
  return failed;
}

function Requested({ poolId, workers }: { readonly poolId: string; readonly workers: number }) {
  return (
    <Notice kind="good">
      <p>
        A snapshot of {poolId} is requested.{' '}
        {workers === 0 ? 'It begins once a worker starts.' : 'A worker begins within seconds.'}
      </p>
    </Notice>
  );
}

/** Asks for a snapshot: a failed one is continued where it stopped. */
function Trigger({
  poolId,
  label,
  session,
}: {
  readonly poolId: string;
  readonly label: string;
  readonly session: Session;
}) {
  return (
    <Form session={session} action={TRIGGER} hidden={{ pool: poolId }}>
      <button type="submit" class="second" aria-label={`${label}: ${poolId}`}>
        {label}
      </button>
    </Form>
  );
}

const POOL: Column<{ readonly poolId: string }> = {
  title: 'Pool',
  cell: ({ poolId }) => <a href={poolPath(poolId)}>{poolId}</a>,
};

const REQUESTED: Column<RequestRow> = {
  title: 'Requested',
  cell: ({ requestedAt, source }) => (
    <>
      <Time at={requestedAt} /> by {source === 'trigger' ? 'a person' : 'the schedule'}
    </>
  ),
};

function OpenRequests({ requests }: { readonly requests: readonly RequestRow[] }) {
  return (
    <Table
      isStacked
      caption="Requests that are not done"
      columns={[
        POOL,
        REQUESTED,
        {
          title: 'State',
          cell: ({ waitingReason, snapshotAt }) =>
            waitingReason ?? (snapshotAt === null ? 'waits for a worker' : 'runs'),
        },
      ]}
      rows={requests}
    />
  );
}

function Pools({
  schedules,
  open,
  session,
}: {
  readonly schedules: readonly ScheduleRow[];
  readonly open: readonly RequestRow[];
  readonly session: Session;
}) {
  const busy = new Set(open.map(({ poolId }) => poolId));
  return (
    <>
      <h2>Take a snapshot now</h2>
      {schedules.length === 0 ? (
        <p class="none">
          No pool has a schedule. Start a worker with <code>COGNITO_POOLS</code>.
        </p>
      ) : (
        <Table
          isStacked
          caption="Pools of the workers"
          columns={[
            POOL,
            {
              title: 'Schedule',
              cell: ({ pattern, timezone }) => (
                <>
                  <code>{pattern}</code> {timezone}
                </>
              ),
            },
            { title: 'Next', cell: ({ startsAt }) => <Time at={startsAt} /> },
            {
              title: 'Action',
              titleShown: 'above',
              cell: ({ poolId }) =>
                busy.has(poolId) ? (
                  <span class="quiet">requested</span>
                ) : (
                  <Trigger poolId={poolId} label="Request" session={session} />
                ),
            },
          ]}
          rows={schedules}
        />
      )}
    </>
  );
}

const OUTCOMES = {
  done: <span class="good">done</span>,
  held: <span class="warn">held for review</span>,
  skipped: <span class="quiet">skipped</span>,
  failed: <span class="bad">failed</span>,
};

function Result({ request }: { readonly request: RequestRow }) {
  const { poolId, outcome, reason, snapshotAt } = request;
  const snapshot = snapshotAt === null ? null : snapshotId(snapshotAt);
  return (
    <>
      {outcome === null ? '' : OUTCOMES[outcome]}{' '}
      {snapshot === null ? null : <a href={snapshotPath(poolId, snapshot)}>{snapshot}</a>}
      {reason === null ? null : (
        <small>
          <Message value={reason} />
        </small>
      )}
    </>
  );
}

function EndedRequests({
  requests,
  lastFailed,
  session,
}: {
  readonly requests: readonly RequestRow[];
  readonly lastFailed: ReadonlySet<number>;
  readonly session: Session;
}) {
  return (
    <Table
      isStacked
      caption={`The last ${RECENT} of each pool, the newest first`}
      columns={[
        POOL,
        REQUESTED,
        { title: 'Ended', cell: ({ endedAt }) => (endedAt === null ? '' : <Time at={endedAt} />) },
        {
          title: 'Result',
          cell: (request) => (
            <>
              <Result request={request} />
              {session.right === 'act' && lastFailed.has(request.id) ? (
                <Trigger poolId={request.poolId} label="Retry" session={session} />
              ) : null}
            </>
          ),
        },
      ]}
      rows={requests}
    />
  );
}
