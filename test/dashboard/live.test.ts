import { afterAll, beforeAll, expect, test, vi } from 'vitest';
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
    async () => ({}),
    () => {},
  );
  const stream = feed.open('view');
  await feed.close();
  expect(await new Response(stream).text()).toBe(': open\n\n');
});

/** Reads the events of a stream as `id: html` until there are so many. */
async function readEvents(stream: ReadableStream<Uint8Array> | null, count: number) {
  const events: string[] = [];
  for await (const chunk of stream?.pipeThrough(new TextDecoderStream()) ?? []) {
    const [, data] = /^data: (.*)$/m.exec(chunk) ?? [];
    if (data === undefined) continue;
    const { id, html } = JSON.parse(data);
    events.push(`${id}: ${html}`);
    if (events.length === count) break;
  }
  return events;
}

test('a new viewer is shown the newest reading, and one of another right waits for the next', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const asked: string[][] = [];
  const feed = new LiveFeed(
    async (rights) => {
      asked.push([...rights].sort());
      return Object.fromEntries(
        [...rights].map((right) => [right, { now: `${right} ${asked.length}` }]),
      );
    },
    async () => ({}),
    () => {},
  );
  try {
    const first = feed.open('view');
    expect(await readEvents(first, 1)).toEqual(['now: view 1']);
    expect(await readEvents(feed.open('view'), 1)).toEqual(['now: view 1']);
    expect(asked).toEqual([['view']]);
    const acting = feed.open('act');
    const next = feed.open('view');
    expect(await readEvents(acting, 1)).toEqual(['now: act 2']);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await readEvents(next, 2)).toEqual(['now: view 1', 'now: view 3']);
  } finally {
    await feed.close();
    vi.useRealTimers();
  }
});

test('viewers hear that the database does not answer, and that it does again', async () => {
  let reading = 0;
  const problems: unknown[] = [];
  const feed = new LiveFeed(
    async () => {
      reading += 1;
      if (reading === 2) throw new Error('no database');
      return { view: { problem: '', now: `${reading}` } };
    },
    async () => ({ problem: 'no database' }),
    (error) => void problems.push(error),
  );
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  try {
    const events = readEvents(feed.open('view'), 5);
    while (reading < 3) await vi.advanceTimersByTimeAsync(2_000);
    expect(await events).toEqual([
      'problem: ',
      'now: 1',
      'problem: no database',
      'problem: ',
      'now: 3',
    ]);
    expect(problems).toEqual([new Error('no database')]);
  } finally {
    await feed.close();
    vi.useRealTimers();
  }
});

test('a problem that cannot be shown is reported, and the feed goes on and closes', async () => {
  const problems: unknown[] = [];
  const feed = new LiveFeed(
    () => Promise.reject(new Error('no database')),
    () => Promise.reject(new Error('no page')),
    (error) => void problems.push(error),
  );
  feed.open('view');
  await expect.poll(() => problems).toEqual([new Error('no database'), new Error('no page')]);
  await feed.close();
});
