import type { Hono } from 'hono';
import { raw } from 'hono/html';
import type { DashboardDeps } from '../deps.ts';
import { Notice, Page, renderPage } from '../layout.tsx';
import type { LiveFeed } from '../live.ts';
import { PART_IDS, renderParts } from '../overview-parts.tsx';
import type { OverviewReader } from '../overview-reader.ts';
import { EVENTS, OVERVIEW } from '../paths.ts';
import type { DashboardEnv } from '../session.ts';

/** What a form that led here did, by the word in the address. */
export const DONE = {
  released: 'The snapshot is released and archived.',
  releasing:
    'The snapshot is being released. Below is how far it is; if it fails, the page of the pool shows the reason.',
  discarded: 'The snapshot is discarded.',
  discarding: 'The snapshot is being discarded. Load this page again in a few seconds.',
} as const;

function readDone(word: string): string | null {
  return Object.hasOwn(DONE, word) ? DONE[word as keyof typeof DONE] : null;
}

/** The overview: what happened, what runs, and what waits for a person. */
export function addOverview(
  app: Hono<DashboardEnv>,
  deps: DashboardDeps,
  reader: OverviewReader,
  feed: LiveFeed,
): void {
  app.get(OVERVIEW, async (context) => {
    const session = context.get('session');
    const overview = await reader.read();
    const done = readDone(context.req.query('done') ?? '');
    const parts = await renderParts(overview, deps, session.right);
    const part = (id: string) => raw(parts[id] ?? '');
    return renderPage(
      context,
      <Page title="Overview" session={session} here={OVERVIEW} isLive>
        {done === null ? null : <Notice kind="good">{done}</Notice>}
        <div id={PART_IDS.problem} />
        <div id={PART_IDS.held}>{part(PART_IDS.held)}</div>
        <h2>Pools</h2>
        <div id={PART_IDS.pools}>{part(PART_IDS.pools)}</div>
        <h2>Now</h2>
        <div id={PART_IDS.running}>{part(PART_IDS.running)}</div>
      </Page>,
    );
  });

  app.get(EVENTS, (context) => {
    const stream = feed.open(context.get('session').right);
    if (stream === null) {
      return context.json({ error: 'Too many pages are open.' }, 503, { 'Retry-After': '30' });
    }
    return context.body(stream, 200, {
      'Content-Type': 'text/event-stream',
      // A proxy that collects the answer would hold the events back.
      'X-Accel-Buffering': 'no',
    });
  });
}
