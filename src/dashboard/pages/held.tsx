import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, Hono } from 'hono';
import { isPoolId } from '../../model/pool-id.ts';
import { parseSnapshotId } from '../../model/snapshot.ts';
import { findSnapshot, type SnapshotRow } from '../../postgres/store/snapshots.ts';
import { Message } from '../../report/text.tsx';
import type { DashboardActions, DashboardDeps } from '../deps.ts';
import { respondWithProblem } from '../errors.tsx';
import { Form } from '../forms.tsx';
import type { HeldReader } from '../held-reader.ts';
import { Page, renderPage } from '../layout.tsx';
import { HeldChanges } from '../parts/held-changes.tsx';
import { OVERVIEW, poolPath, snapshotPath } from '../paths.ts';
import { clientAddress, type DashboardEnv } from '../session.ts';
import type { DONE } from './overview.tsx';

/** The answer waits so long for the work to end; a release can take minutes, and continues without. */
const WAIT_MS = 3_000;

type Decision = 'release' | 'discard';

interface Words {
  readonly title: string;
  readonly means: string;
  /** The words of the overview's address for work that ended, and for work that continues. */
  readonly done: keyof typeof DONE;
  readonly started: keyof typeof DONE;
}

const WORDS: Readonly<Record<Decision, Words>> = {
  release: {
    title: 'Release',
    means: 'It becomes what readers see, and is archived. This cannot be undone.',
    done: 'released',
    started: 'releasing',
  },
  discard: {
    title: 'Discard',
    means: 'What it read is dropped. What readers see stays. The next run reads the pool again.',
    done: 'discarded',
    started: 'discarding',
  },
};

/** A decision that is being carried out. */
interface Running {
  readonly decision: Decision;
  readonly work: Promise<unknown>;
}

/** The pages that ask before a held snapshot is released or discarded, and what their forms do. */
export function addHeld(app: Hono<DashboardEnv>, deps: DashboardDeps, reader: HeldReader): void {
  const running = new Map<string, Running>();
  for (const decision of ['release', 'discard'] as const) {
    const path = `/pools/:pool/snapshots/:snapshot/${decision}`;
    app.get(path, async (context) => {
      const row = await findHeld(context, deps);
      if (row === null) return refuse(context);
      return ask(context, reader, decision, row);
    });
    app.post(path, async (context) => {
      if (context.get('session').right !== 'act') {
        return respondWithProblem(context, 403, 'This token sees counts only, and may not act.');
      }
      const row = await findHeld(context, deps);
      if (row === null) return refuse(context);
      const name = `${row.poolId}/${row.snapshot}`;
      const other = running.get(name);
      if (other !== undefined && other.decision !== decision) return refuseOther(context, other);
      const { id } = context.get('session');
      const line = { poolId: row.poolId, snapshot: row.snapshot, session: id };
      deps.log.info(
        { ...line, client: clientAddress(context), decision },
        'a session decided about a held snapshot',
      );
      // A second click joins the first.
      const work = other?.work ?? start(deps.actions, decision, name);
      running.set(name, { decision, work });
      const forget = () => running.delete(name);
      work.then(forget, (error: unknown) => {
        forget();
        deps.log.error({ err: error, ...line }, `could not ${decision} a held snapshot`);
      });
      const isDone = await Promise.race([work.then(() => true), sleep(WAIT_MS, false)]);
      const { done, started } = WORDS[decision];
      return context.redirect(`${OVERVIEW}?done=${isDone ? done : started}`, 303);
    });
  }
}

function start(actions: DashboardActions, decision: Decision, name: string): Promise<unknown> {
  return decision === 'release' ? actions.release(name) : actions.discard(name);
}

async function findHeld(context: Context, { db }: DashboardDeps): Promise<SnapshotRow | null> {
  const poolId = context.req.param('pool') ?? '';
  const at = parseSnapshotId(context.req.param('snapshot') ?? '');
  if (!isPoolId(poolId) || at === null) return null;
  const row = await findSnapshot(db, poolId, at);
  return row?.state === 'held' ? row : null;
}

function refuse(context: Context): Promise<Response> | Response {
  const problem = 'No held snapshot has this id. Somebody may have decided about it already.';
  return respondWithProblem(context, 404, problem);
}

function refuseOther(context: Context, { decision }: Running): Promise<Response> | Response {
  const verb = decision === 'release' ? 'released' : 'discarded';
  return respondWithProblem(context, 409, `This snapshot is being ${verb} already.`);
}

async function ask(
  context: Context<DashboardEnv>,
  reader: HeldReader,
  decision: Decision,
  row: SnapshotRow,
): Promise<Response> {
  const { poolId, snapshot, reason } = row;
  const session = context.get('session');
  const isActing = session.right === 'act';
  const changes = await reader.read(row);
  const { title, means } = WORDS[decision];
  return renderPage(
    context,
    <Page
      title={isActing ? `${title} ${snapshot}?` : `Held snapshot ${snapshot}`}
      session={session}
      trail={[
        { title: 'Overview', path: OVERVIEW },
        { title: poolId, path: poolPath(poolId) },
        { title: snapshot, path: snapshotPath(poolId, snapshot) },
      ]}
    >
      <p>{reason === null ? 'No reason was recorded.' : <Message value={reason} />}</p>
      {isActing ? (
        <>
          <p>{means}</p>
          <Form session={session} action={context.req.path} class="actions">
            <button type="submit" {...(decision === 'discard' ? { class: 'danger' } : {})}>
              {title}
            </button>
            <a href={OVERVIEW}>Cancel</a>
          </Form>
        </>
      ) : null}
      <HeldChanges poolId={poolId} changes={changes} isListed={isActing} />
    </Page>,
  );
}
