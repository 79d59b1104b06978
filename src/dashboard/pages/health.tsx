import { setTimeout as sleep } from 'node:timers/promises';
import type { Hono } from 'hono';
import { formatSpan } from '../../common/format.ts';
import { formatCount } from '../../common/text.ts';
import { secondsBetween } from '../../common/time.ts';
import { VERSION } from '../../config/config.ts';
import { type Check, type CheckState, type Examination, rankState } from '../../doctor/check.ts';
import { readWorkerRows, type WorkerRow } from '../../postgres/coordination/worker-status.ts';
import { type Column, Table } from '../../report/table.tsx';
import { Message, Text, Time } from '../../report/text.tsx';
import type { BucketUsage } from '../../telemetry/metrics-load.ts';
import type { DashboardDeps, ServerState } from '../deps.ts';
import { Form } from '../forms.tsx';
import { Page, renderPage } from '../layout.tsx';
import { EXAMINE, HEALTH } from '../paths.ts';
import { refuseView } from '../people/refuse-view.ts';
import type { DashboardEnv, Session } from '../session.ts';

/** An examination costs calls of the service: its result stays for this time. */
const KEPT_SECONDS = 60;

/** The answer waits so long for the checks: a connection without an answer is cut after 7 s. */
const WAIT_MS = 4_000;

/** The last examination by this process. */
interface Examined extends Examination {
  readonly at: Date;
}

/** Servers, workers and quota, and the checks of `doctor`, which run only when somebody asks. */
export function addHealth(app: Hono<DashboardEnv>, deps: DashboardDeps): void {
  const { db, actions, readServers, worker } = deps;
  let last: Examined | null = null;
  let running: Promise<Examined> | null = null;

  /** Those who ask at the same time, or soon after, share one examination. */
  const examine = async (): Promise<Examined> => {
    if (last !== null && secondsBetween(last.at, new Date()) < KEPT_SECONDS) return last;
    running ??= actions
      .examine()
      .then((found) => ({ ...found, at: new Date() }))
      .finally(() => {
        running = null;
      });
    last = await running;
    return last;
  };

  app.get(HEALTH, async (context) => {
    const session = context.get('session');
    const [servers, workers] = await Promise.all([readServers(), readWorkerRows(db)]);
    return renderPage(
      context,
      <Page title="Health" session={session} here={HEALTH}>
        <Servers servers={servers} />
        <Workers workers={workers} session={session} />
        <Quota usages={worker === null ? null : [...worker.listUsages()]} />
        <Checks examined={last} isRunning={running !== null} session={session} />
      </Page>,
    );
  });

  app.post(EXAMINE, async (context) => {
    const refused = refuseView(context);
    if (refused !== null) return refused;
    await Promise.race([examine(), sleep(WAIT_MS, undefined, { ref: false })]);
    return context.redirect(`${HEALTH}#checks`, 303);
  });
}

function Servers({ servers }: { readonly servers: readonly ServerState[] }) {
  return (
    <>
      <h2>What this process needs</h2>
      <ul class="plain">
        {servers.map(({ name, problem }) => (
          <li>
            <span class={problem === null ? 'good' : 'bad'}>
              {problem === null ? '✓ ok' : '✗ failed'}
            </span>{' '}
            {name}
            {problem === null ? null : <small class="quiet">: {problem}</small>}
          </li>
        ))}
      </ul>
    </>
  );
}

function Workers({
  workers,
  session,
}: {
  readonly workers: readonly WorkerRow[];
  readonly session: Session;
}) {
  const now = new Date();
  return (
    <>
      <h2>Workers</h2>
      {workers.length === 0 ? (
        <p class="none">
          No worker is running. <code>cognito-mirror worker</code> starts one.
        </p>
      ) : (
        <Table
          isStacked
          caption="Worker processes"
          columns={[
            {
              title: 'Worker',
              cell: ({ host, pid }) =>
                session.right === 'act' ? <Text value={`${host} ${pid}`} /> : `process ${pid}`,
            },
            {
              title: 'State',
              cell: (worker) => <WorkerState worker={worker} session={session} />,
            },
            { title: 'Version', cell: ({ version }) => <WorkerVersion version={version} /> },
            {
              title: 'Runs for',
              cell: ({ startedAt }) => formatSpan(secondsBetween(startedAt, now)),
            },
            { title: 'Jobs', cell: ({ jobs }) => formatCount(jobs) },
          ]}
          rows={workers}
        />
      )}
    </>
  );
}

function WorkerState({
  worker,
  session,
}: {
  readonly worker: WorkerRow;
  readonly session: Session;
}) {
  const { alive, problem, seenAt } = worker;
  if (!alive) {
    return (
      <>
        <span class="bad">lost</span>
        <small>
          last seen <Time at={seenAt} />
        </small>
      </>
    );
  }
  if (problem === null) return <span class="good">works</span>;
  return (
    <>
      <span class="bad">cannot work</span>
      {session.right === 'act' ? <small>{problem}</small> : null}
    </>
  );
}

function WorkerVersion({ version }: { readonly version: string }) {
  return (
    <>
      {version}
      {version === VERSION ? null : <small class="warn">this process has {VERSION}</small>}
    </>
  );
}

function Quota({ usages }: { readonly usages: readonly BucketUsage[] | null }) {
  return (
    <>
      <h2>Quota</h2>
      {usages === null ? (
        <p class="none">This process makes no calls. The dashboard of a worker shows its quota.</p>
      ) : usages.length === 0 ? (
        <p class="none">No calls since this worker started.</p>
      ) : (
        <Table
          isStacked
          caption="Calls of this worker in the last two seconds"
          columns={[
            {
              title: 'Quota',
              cell: ({ scope, bucket }) => (
                <>
                  {bucket}
                  <small>{scope}</small>
                </>
              ),
            },
            { title: 'Calls a second', cell: ({ rate }) => rate.toFixed(1) },
            { title: 'Allowed for all workers', cell: ({ allowed }) => allowed.toFixed(1) },
            { title: 'Waiting', cell: ({ waiting }) => formatCount(waiting) },
          ]}
          rows={usages}
        />
      )}
    </>
  );
}

interface ChecksProps {
  readonly examined: Examined | null;
  readonly isRunning: boolean;
  readonly session: Session;
}

function Checks({ examined, isRunning, session }: ChecksProps) {
  const isNew = examined !== null && secondsBetween(examined.at, new Date()) < KEPT_SECONDS;
  return (
    <>
      <h2 id="checks">Checks</h2>
      {isRunning ? <p>They run now. Load this page again in a few seconds.</p> : null}
      {examined === null && !isRunning ? (
        <p class="none">They did not run since this process started.</p>
      ) : null}
      {examined === null ? null : <CheckTable examined={examined} session={session} />}
      {session.right === 'act' && !isNew ? (
        <Form session={session} action={EXAMINE}>
          <div class="actions">
            <button type="submit">Check everything now</button>
            <small class="quiet">
              As the command <code>doctor</code> does. It takes some seconds.
            </small>
          </div>
        </Form>
      ) : null}
    </>
  );
}

const STATES: Readonly<Record<CheckState, { readonly kind: string; readonly text: string }>> = {
  ok: { kind: 'good', text: '✓ ok' },
  warning: { kind: 'warn', text: '! warning' },
  failed: { kind: 'bad', text: '✗ failed' },
};

function CheckTable({
  examined,
  session,
}: {
  readonly examined: Examined;
  readonly session: Session;
}) {
  // Bad news first.
  const checks = [...examined.checks].sort((a, b) => rankState(b.state) - rankState(a.state));
  return (
    <Table
      isStacked
      caption={
        <>
          Checked at <Time at={examined.at} />
        </>
      }
      columns={[
        { title: 'Check', cell: ({ title }) => title },
        {
          title: 'State',
          cell: ({ state }) => <span class={STATES[state].kind}>{STATES[state].text}</span>,
        },
        ...(session.right === 'act' ? [FOUND] : []),
      ]}
      rows={checks}
    />
  );
}

const FOUND: Column<Check> = {
  title: 'Found',
  titleShown: 'above',
  cell: ({ detail, remedy }) => (
    <>
      <Message value={detail} />
      {remedy === null ? null : (
        <small>
          <Message value={`Fix: ${remedy}`} />
        </small>
      )}
    </>
  ),
};
