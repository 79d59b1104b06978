import { afterAll, beforeAll, expect, test } from 'vitest';
import { LiveFeed } from '../../src/dashboard/live.ts';
import { openDashboard, type TestDashboard, TOKEN } from '../support/dashboard.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
let dashboard: TestDashboard;
beforeAll(async () => {
  mirror = await openTestMirror({ users: 10, groups: 1 });
  dashboard = await openDashboard(mirror);
});
afterAll(async () => {
  await dashboard?.close();
  await mirror?.close();
});

/** The most streams at a time. */
const MOST = 60;

test('streams are capped, leave room for probes, and end with the server', async () => {
  const streams = await Promise.all(Array.from({ length: MOST }, () => dashboard.get('/events')));
  expect(streams.every(({ status }) => status === 200)).toBe(true);
  const more = await dashboard.get('/events');
  expect([more.status, more.headers.get('Retry-After')]).toEqual([503, '30']);
  expect((await fetch(`${dashboard.url}/healthz`)).status).toBe(200);
  const [first, ...others] = streams;
  for (const { body } of others) await body?.cancel();
  await expect
    .poll(async () => {
      const answer = await dashboard.get('/events', TOKEN);
      await answer.body?.cancel();
      return answer.status;
    })
    .toBe(200);
  await dashboard.close();
  const text = await first?.text();
  expect(text).toContain('event: part\ndata: {"id":"held"');
});

test('the feed closes although Postgres never answers a reading', async () => {
  const feed = new LiveFeed(
    () => new Promise(() => {}),
    () => {},
  );
  const stream = feed.open('view');
  await feed.close();
  expect(await new Response(stream).text()).toBe(': open\n\n');
});
