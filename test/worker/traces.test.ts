import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openTracing } from '../../src/telemetry/open-tracing.ts';
import type { Tracing } from '../../src/telemetry/tracing.ts';
import { setEnvironment } from '../support/environment.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { openWorkerMirror, type WorkerMirror } from '../support/worker-mirror.ts';

const POOL = 'us-east-1_Traced';

let mirror: WorkerMirror;
beforeAll(async () => {
  mirror = await openWorkerMirror({ pools: [POOL], users: 1_300, groups: 4 });
});
afterAll(() => mirror.close());

/** Exports to a receiver, as another process. */
async function trace(receiver: OtlpReceiver, name: string): Promise<Tracing> {
  const restore = setEnvironment({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_SERVICE_NAME: name,
  });
  const tracing = await openTracing({ log: createLogger({ level: 'silent' }), proxies: {} });
  restore();
  if (tracing === null) throw new Error('Traces are off.');
  onTestFinished(() => tracing.close());
  return tracing;
}

test('the spans of two workers are one trace, with a span for each walk, and name no person', async () => {
  const receiver = await startOtlpReceiver();
  const tracings = [await trace(receiver, 'worker-1'), await trace(receiver, 'worker-2')];
  for (const tracing of tracings) await mirror.startWorker({ tracing });
  await mirror.ask(POOL);
  expect(await mirror.ended(POOL)).toMatchObject({ outcome: 'done' });
  await Promise.all(tracings.map((tracing) => tracing.close()));

  const { spans } = receiver;
  const [root, ...others] = spans.filter(({ name }) => name === 'snapshot');
  expect(others).toEqual([]);
  expect(root).toMatchObject({ parentSpanId: '', status: 0 });
  expect(root?.attributes).toMatchObject({
    'cognito_mirror.pool': POOL,
    'cognito_mirror.outcome': 'archived',
    'cognito_mirror.users': 1_300,
    'cognito_mirror.groups': 4,
    'cognito_mirror.snapshot': expect.stringMatching(/^\d{8}T\d{6}Z$/),
  });
  for (const span of spans) {
    expect(span.traceId).toBe(root?.traceId);
    expect(span.parentSpanId).toBe(span === root ? '' : root?.spanId);
    expect(span.endMs).toBeLessThanOrEqual(root?.endMs ?? 0);
  }
  expect(new Set(spans.map(({ resource }) => resource['service.name']))).toEqual(
    new Set(['worker-1', 'worker-2']),
  );
  for (const phase of ['prepare', 'check', 'publish', 'archive']) {
    expect(spans.map(({ name }) => name)).toContain(phase);
  }

  const walks = spans.filter(({ name }) => name === 'walk').map(({ attributes }) => attributes);
  const sum = (kind: string, figure: string) =>
    walks
      .filter((walk) => walk['cognito_mirror.walk.kind'] === kind)
      .reduce((total, walk) => total + Number(walk[`cognito_mirror.${figure}`]), 0);
  expect(sum('groups', 'items')).toBe(4);
  expect(sum('members', 'items')).toBe([...mirror.pool.memberships()].length);
  // The first page of a shard that is split is read again.
  expect(sum('users', 'items')).toBeGreaterThanOrEqual(1_300);
  // One for each walk, unless a worker gave its slot to another.
  expect(walks.length).toBeLessThan(sum('users', 'pages') + sum('members', 'pages'));
  for (const walk of walks) {
    expect(walk['cognito_mirror.attempt']).toBe(1);
    expect(walk['cognito_mirror.calls']).toBeGreaterThanOrEqual(
      Number(walk['cognito_mirror.pages']),
    );
    expect(walk['cognito_mirror.wait_seconds']).toBeGreaterThanOrEqual(0);
  }

  const names = [...mirror.pool.users()].flatMap(({ username, attributes }) => [
    username,
    ...attributes.values(),
  ]);
  const groups = [...mirror.pool.groups()].map(({ groupName }) => groupName);
  const personal = [...names, ...groups].filter((text) => text.length > 5);
  expect(personal.length).toBeGreaterThan(1_300);
  expect(personal.filter((text) => receiver.text.includes(text))).toEqual([]);
});

test('a run that fails has an error in its trace, and says why', async () => {
  const receiver = await startOtlpReceiver();
  const tracing = await trace(receiver, 'worker');
  await mirror.startWorker({ tracing });
  mirror.proxy.before = ({ operation }) =>
    operation === 'ListGroups' && { __type: 'NotAuthorizedException', message: 'secret text' };
  await mirror.ask(POOL);
  expect(await mirror.ended(POOL)).toMatchObject({ outcome: 'failed' });
  mirror.proxy.before = () => undefined;
  await tracing.close();
  const root = receiver.spans.find(({ name }) => name === 'snapshot');
  expect(root).toMatchObject({ status: 2, attributes: { 'cognito_mirror.outcome': 'failed' } });
  expect(root?.message).toContain('ListGroups');
  const walk = receiver.spans.find(({ status, name }) => name === 'walk' && status === 2);
  expect(walk).toMatchObject({
    traceId: root?.traceId,
    attributes: { 'error.type': 'action_required' },
  });
  expect(receiver.text).not.toContain('secret text');
});
