import type { Hono } from 'hono';
import { formatCommand } from '../../common/command.ts';
import { readStatus } from '../../runner/status.ts';
import type { DashboardDeps } from '../deps.ts';
import { Page, renderPage } from '../layout.tsx';
import { readPoolOverviews } from '../overview-data.ts';
import { PoolRows } from '../parts/pool-rows.tsx';
import { OVERVIEW } from '../paths.ts';
import type { DashboardEnv } from '../session.ts';

/** The overview: what happened, what runs, and what waits for a person. */
export function addOverview(app: Hono<DashboardEnv>, { db }: DashboardDeps): void {
  app.get(OVERVIEW, async (context) => {
    const session = context.get('session');
    const status = await readStatus(db, null);
    const pools = await readPoolOverviews(db, status);
    return renderPage(
      context,
      <Page title="Overview" session={session} here={OVERVIEW}>
        {pools.length === 0 ? <NothingYet /> : <PoolRows pools={pools} status={status} />}
      </Page>,
    );
  });
}

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
