import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Notifier } from '../../src/notify/notifier.ts';
import { claimNotification } from '../../src/postgres/coordination/outbox.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { type Receiver, SECRET, startReceiver } from '../support/receiver.ts';

const NEVER = new AbortController().signal;

let mirror: TestMirror;
let receiver: Receiver;
let poolId: string;
/** The log of the notifiers. */
let lines: Record<string, unknown>[];

beforeAll(async () => {
  mirror = await openTestMirror({ users: 20, groups: 2 });
  poolId = mirror.pool.settings.id;
});
afterAll(() => mirror.close());
beforeEach(async () => {
  receiver = await startReceiver();
  lines = [];
  onTestFinished(() => receiver.close());
  await mirror.rows('DELETE FROM mirror.notifications');
});

/** A process that sends webhooks to the receiver. */
function notifier(format: 'standard' | 'slack' = 'standard', url = `${receiver.url}/hook`) {
  const log = createLogger({
    level: 'info',
    destination: { write: (line: string) => void lines.push(JSON.parse(line)) },
  });
  const webhook = { url, secret: SECRET, format, allowPrivate: true };
  return new Notifier({ db: mirror.db, webhook, urlOf: () => null, log });
}

/** Makes a snapshot, and so its notification. */
async function snapshot() {
  const { error, report } = await mirror.sync({ formats: ['jsonl'] });
  expect(error).toBeNull();
  return report;
}

/** Lets the time of the next attempt come. */
const wait = () => mirror.rows('UPDATE mirror.notifications SET next_attempt_at = now()');

interface Row {
  readonly attempts: number;
  readonly problem: string | null;
  readonly delivered_at: Date | null;
  readonly given_up_at: Date | null;
  readonly next_attempt_at: Date;
}
const row = async () => (await mirror.rows<Row>('SELECT * FROM mirror.notifications'))[0] as Row;

/** The shape of a message: its keys in order, without values. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return null;
  return Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]);
}

describe('the outbox', () => {
  test('has each archived snapshot once, and a receiver gets it signed, with the head', async () => {
    const report = await snapshot();
    await notifier().deliver(NEVER);
    expect(receiver.webhooks()).toEqual([
      {
        id: expect.stringMatching(/^[\da-f-]{36}$/),
        type: 'snapshot.archived',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        data: {
          poolId,
          snapshot: report.snapshot,
          state: 'archived',
          reason: null,
          counts: { users: report.users, groups: report.groups, memberships: report.memberships },
          changes: { added: report.added, modified: report.modified, removed: report.removed },
          findings: null,
          head: report.archive?.head,
        },
      },
    ]);
    await notifier().deliver(NEVER);
    expect(receiver.requests).toHaveLength(1);

    const page = readFileSync(new URL('../../docs/NOTIFICATIONS.md', import.meta.url), 'utf8');
    const documented = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
    const sent = JSON.parse(receiver.requests[0]?.body ?? '');
    // A held snapshot has no changes yet.
    documented.data.changes = sent.data.changes;
    expect(shapeOf(sent)).toEqual(shapeOf(documented));
  });

  test('of several processes, one delivers each message', async () => {
    await mirror.rows(
      `INSERT INTO mirror.notifications (type, pool_id, data)
       SELECT 'snapshot.held', 'p', json_build_object('poolId', n) FROM generate_series(1, 40) AS n`,
    );
    await Promise.all([1, 2, 3].map(() => notifier().deliver(NEVER)));
    const pools = receiver.webhooks().map(({ data }) => Number(data.poolId));
    expect(pools.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
  });

  test('a process that died in an attempt leaves the message to another, with the same id', async () => {
    await snapshot();
    const claimed = await claimNotification(mirror.db, 60);
    await notifier().deliver(NEVER);
    expect(receiver.requests).toEqual([]);
    await wait();
    await notifier().deliver(NEVER);
    expect(receiver.webhooks().map(({ id }) => id)).toEqual([claimed?.id]);
    expect(await row()).toMatchObject({ attempts: 2, problem: null });
  });

  test('a process that is stopped in an attempt returns the message', async () => {
    await snapshot();
    const stop = new AbortController();
    receiver.answer = null;
    receiver.onRequest = () => stop.abort();
    await notifier().deliver(stop.signal);
    expect(await row()).toMatchObject({ attempts: 0, delivered_at: null });
    receiver.answer = 200;
    await notifier().deliver(NEVER);
    const [first, second] = receiver.webhooks();
    expect(second).toEqual(first);
  });
});

describe('a receiver that fails', () => {
  test('is tried again over three days, with the same bytes, and then given up', async () => {
    await snapshot();
    receiver.answer = 503;
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      await notifier().deliver(NEVER);
      expect(await row()).toMatchObject({ attempts: attempt, problem: 'HTTP 503' });
      const [next] = await mirror.rows<{ hours: number }>(
        `SELECT extract(epoch FROM next_attempt_at - now())::float / 3600 AS hours
         FROM mirror.notifications`,
      );
      waits.push(next?.hours ?? 0);
      await wait();
    }
    const hours = waits.slice(0, -1);
    expect(hours).toEqual(hours.toSorted((a, b) => a - b));
    expect(hours.reduce((sum, each) => sum + each)).toBeGreaterThan(72);
    expect((await row()).given_up_at).not.toBeNull();
    expect(new Set(receiver.webhooks().map(({ id }) => id)).size).toBe(1);
    expect(new Set(receiver.requests.map(({ body }) => body)).size).toBe(1);
    await notifier().deliver(NEVER);
    expect(receiver.requests).toHaveLength(10);
    expect(lines.at(-1)).toMatchObject({
      msg: expect.stringContaining('gave up a webhook'),
      poolId,
    });
  });

  test('gets no more of a message that it refuses with 410', async () => {
    await snapshot();
    receiver.answer = 410;
    await notifier().deliver(NEVER);
    expect(await row()).toMatchObject({ attempts: 1, given_up_at: expect.any(Date) });
  });

  test('cannot redirect', async () => {
    await snapshot();
    receiver.answer = 307;
    await notifier().deliver(NEVER);
    expect(receiver.requests.map(({ path }) => path)).toEqual(['/hook']);
    expect(await row()).toMatchObject({ attempts: 1, problem: 'HTTP 307', given_up_at: null });
  });

  test('is named in no log line, row or error', async () => {
    await snapshot();
    await receiver.close();
    receiver = await startReceiver();
    const port = new URL(receiver.url).port;
    await receiver.close();
    await notifier('standard', `http://127.0.0.1:${port}/hook/secret-token`).deliver(NEVER);
    expect(await row()).toMatchObject({ problem: 'ECONNREFUSED' });
    expect(JSON.stringify(lines)).toContain('ECONNREFUSED');
    expect(JSON.stringify([lines, await row()])).not.toMatch(/secret-token|127\.0\.0\.1/);
  });
});

test('Slack gets a text in which nothing is a link or a mention, without a signature', async () => {
  await mirror.rows(
    `INSERT INTO mirror.notifications (type, pool_id, data) VALUES ('snapshot.failed', $1, $2)`,
    [
      poolId,
      {
        poolId,
        snapshot: null,
        reason: '<!channel> & <http://evil|text>',
        counts: null,
        changes: null,
        findings: null,
        head: null,
      },
    ],
  );
  await notifier('slack').deliver(NEVER);
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.requests;
  expect(JSON.parse(body)).toEqual({
    text: expect.stringMatching(
      /^snapshot\.failed: \S+ at \S+Z\n&lt;!channel&gt; &amp; &lt;http:\/\/evil\|text&gt;$/,
    ),
    mrkdwn: false,
  });
  expect(Object.keys(headers).filter((name) => name.startsWith('webhook'))).toEqual([]);
});

test('a message without an attempt for three days is dropped', async () => {
  await mirror.rows(
    `INSERT INTO mirror.notifications (type, pool_id, data, occurred_at, attempts) VALUES
       ('old', 'p', '{}', now() - interval '73 hours', 0), ('tried', 'p', '{}', now() - interval '73 hours', 1),
       ('young', 'p', '{}', now() - interval '71 hours', 0)`,
  );
  await snapshot();
  const types = await mirror.rows<{ type: string }>('SELECT type FROM mirror.notifications');
  expect(types.map(({ type }) => type).sort()).toEqual(['snapshot.archived', 'tried', 'young']);
});
