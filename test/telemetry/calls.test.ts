import { afterEach, expect, onTestFinished, test } from 'vitest';
import { type Cognito, openCognito } from '../../src/cognito/client.ts';
import { type Simulator, startSimulator } from '../../src/simulator/server.ts';
import { CallMeter } from '../../src/telemetry/calls.ts';
import { type Metrics, openMetrics } from '../../src/telemetry/metrics.ts';
import { collect, never, POOL, QUICK } from '../cognito/support.ts';
import { openTestBuckets } from '../support/buckets.ts';
import { setEnvironment } from '../support/environment.ts';
import { readValues } from './scrape.ts';

let simulator: Simulator;
let cognito: Cognito;
let metrics: Metrics;
let meter: CallMeter;
const buckets = openTestBuckets({ share: 1, userListRps: 50 });

async function start(latencyMs = 0): Promise<void> {
  simulator = await startSimulator({ rps: 0, users: 100, groups: 4, latencyMs });
  const restore = setEnvironment({
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: simulator.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  onTestFinished(restore);
  metrics = openMetrics();
  meter = new CallMeter();
  cognito = openCognito({
    region: 'us-east-1',
    buckets,
    meter,
    observer: metrics,
    retryPolicy: QUICK,
  });
}

afterEach(async () => {
  cognito.close();
  await simulator.close();
});

test('records every attempt with its outcome and every page with its items', async () => {
  await start();
  simulator.faults.set({ throttle: 0.5 });
  await collect(cognito.userPages(POOL, '', { token: null }, never()));
  simulator.faults.set({});
  await collect(cognito.groupPages(POOL, { token: null }, never()));
  await cognito.getUser(POOL, 'nobody', never());

  const text = await metrics.scrape(null);
  const { apiCalls, throttled } = meter.counts;
  const calls = readValues(text, 'cognito_mirror_calls_total');
  expect(calls).toEqual({
    'ListUsers/ok': 2,
    ...(throttled > 0 && { 'ListUsers/throttled': throttled }),
    'ListGroups/ok': 1,
    'AdminGetUser/refused': 1,
  });
  expect(Object.values(calls).reduce((sum, count) => sum + count)).toBe(apiCalls);
  expect(readValues(text, 'cognito_mirror_pages_total')).toEqual({ ListUsers: 2, ListGroups: 1 });
  expect(readValues(text, 'cognito_mirror_page_items_total')).toEqual({
    ListUsers: 100,
    ListGroups: 4,
  });
  const counts = { ListUsers: 2 + throttled, ListGroups: 1, AdminGetUser: 1 };
  expect(readValues(text, 'cognito_mirror_call_duration_seconds_count')).toEqual(counts);
  expect(readValues(text, 'cognito_mirror_bucket_wait_seconds_count')).toEqual(counts);
});

test('the wait for the bucket is measured separately from the call', async () => {
  await start(100);
  const asked = Array.from({ length: 10 }, () =>
    collect(cognito.userPages(POOL, 'f', { token: null }, never())),
  );
  await Promise.all(asked);
  const text = await metrics.scrape(null);
  // At 50 per second the ten wait 0, 20, 40 … 180 ms: 0.9 s together.
  expect(readValues(text, 'cognito_mirror_bucket_wait_seconds_sum')['ListUsers']).toBeGreaterThan(
    0.5,
  );
  // The simulator delays each response by 80 to 120 ms.
  expect(readValues(text, 'cognito_mirror_call_duration_seconds_sum')['ListUsers']).toBeGreaterThan(
    0.75,
  );
});

test('an attempt that this program aborts is recorded as aborted', async () => {
  await start(60_000);
  const stop = new AbortController();
  const asked = cognito.describePool(POOL, stop.signal);
  await expect.poll(() => simulator.attempts.total).toBe(1);
  stop.abort(new Error('enough'));
  await expect(asked).rejects.toThrow('enough');
  await expect
    .poll(async () => readValues(await metrics.scrape(null), 'cognito_mirror_calls_total'))
    .toEqual({ 'DescribeUserPool/aborted': 1 });
});
