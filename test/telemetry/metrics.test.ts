import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openMetrics } from '../../src/telemetry/metrics.ts';
import { readValues } from './scrape.ts';

test('counts the work with labels of few values', async () => {
  const metrics = openMetrics();
  metrics.recordAttempt({
    operation: 'ListUsers',
    outcome: 'ok',
    seconds: 0.3,
    waitedSeconds: 0.02,
  });
  metrics.recordAttempt({ operation: 'ListUsers', outcome: 'ok', seconds: 0.1, waitedSeconds: 7 });
  metrics.recordAttempt({
    operation: 'ListUsers',
    outcome: 'throttled',
    seconds: 0.1,
    waitedSeconds: 1,
  });
  metrics.recordPage('ListUsers', 60);
  metrics.recordPage('ListUsers', 0);
  metrics.recordPage('ListGroups', 4);
  metrics.recordPhase('publish', 12);
  metrics.recordJob('walks', 'returned', 30);
  const text = await metrics.scrape(null);
  expect(readValues(text, 'cognito_mirror_calls_total')).toEqual({
    'ListUsers/ok': 2,
    'ListUsers/throttled': 1,
  });
  expect(readValues(text, 'cognito_mirror_call_duration_seconds_sum')['ListUsers']).toBeCloseTo(
    0.5,
  );
  expect(readValues(text, 'cognito_mirror_bucket_wait_seconds_sum')['ListUsers']).toBeCloseTo(8.02);
  expect(readValues(text, 'cognito_mirror_pages_total')).toEqual({ ListUsers: 2, ListGroups: 1 });
  expect(readValues(text, 'cognito_mirror_page_items_total')).toEqual({
    ListUsers: 60,
    ListGroups: 4,
  });
  expect(readValues(text, 'cognito_mirror_phase_duration_seconds_sum')).toEqual({ publish: 12 });
  expect(readValues(text, 'cognito_mirror_job_duration_seconds_count')).toEqual({
    'walks/returned': 1,
  });
});

test('reads buckets and queues at each scrape and drops those that are gone', async () => {
  const metrics = openMetrics();
  let walking = true;
  metrics.setSources({
    buckets: () =>
      walking
        ? [
            {
              scope: '111122223333/us-east-1',
              bucket: 'UserList',
              rate: 23.5,
              allowed: 24,
              waiting: 8,
            },
          ]
        : [],
    queues: async () => [{ queue: 'walks', counts: { active: walking ? 8 : 0, waiting: 2 } }],
  });
  let text = await metrics.scrape(null);
  const bucket = '111122223333/us-east-1/UserList';
  expect(readValues(text, 'cognito_mirror_bucket_attempts_per_second')).toEqual({ [bucket]: 23.5 });
  expect(readValues(text, 'cognito_mirror_bucket_allowed_per_second')).toEqual({ [bucket]: 24 });
  expect(readValues(text, 'cognito_mirror_bucket_waiting')).toEqual({ [bucket]: 8 });
  expect(readValues(text, 'cognito_mirror_queue_jobs')).toEqual({
    'walks/active': 8,
    'walks/waiting': 2,
  });
  expect(readValues(text, 'cognito_mirror_redis_up')).toEqual({ '': 1 });

  walking = false;
  text = await metrics.scrape(null);
  expect(readValues(text, 'cognito_mirror_bucket_waiting')).toEqual({});
  expect(readValues(text, 'cognito_mirror_queue_jobs')).toEqual({
    'walks/active': 0,
    'walks/waiting': 2,
  });
});

test.each([
  ['fails', () => Promise.reject(new Error('away'))],
  ['hangs', () => new Promise<never>(() => {})],
])('a scrape while Redis %s has everything except the queues', async (_, queues) => {
  const metrics = openMetrics();
  metrics.setSources({
    buckets: () => [{ scope: 'x/y', bucket: 'UserList', rate: 0, allowed: 24, waiting: 8 }],
    queues,
  });
  metrics.recordPage('ListUsers', 60);
  const text = await metrics.scrape(null);
  expect(readValues(text, 'cognito_mirror_redis_up')).toEqual({ '': 0 });
  expect(readValues(text, 'cognito_mirror_queue_jobs')).toEqual({});
  expect(readValues(text, 'cognito_mirror_bucket_waiting')).toEqual({ 'x/y/UserList': 8 });
  expect(readValues(text, 'cognito_mirror_pages_total')).toEqual({ ListUsers: 1 });
});

test('measures event loop, memory and processor time', async () => {
  const metrics = openMetrics();
  const readMaxLag = async () =>
    readValues(await metrics.scrape(null), 'cognito_mirror_nodejs_eventloop_lag_max_seconds')[''];
  // Let the measuring timer tick before and after.
  await sleep(100);
  const until = performance.now() + 300;
  while (performance.now() < until);
  await sleep(100);
  expect(await readMaxLag()).toBeGreaterThan(0.2);
  const text = await metrics.scrape(null);
  expect(readValues(text, 'cognito_mirror_process_cpu_seconds_total')['']).toBeGreaterThan(0);
  expect(readValues(text, 'cognito_mirror_process_resident_memory_bytes')['']).toBeGreaterThan(1e6);
});

/** Reads name, type and labels from the tables of docs/METRICS.md. */
async function readDocumented() {
  const text = await readFile(new URL('../../docs/METRICS.md', import.meta.url), 'utf8');
  const rows = text.matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|/gm);
  return [...rows].map(([, name = '', type, labels = '', meaning = '']) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
    linuxOnly: meaning.includes('(Linux)'),
  }));
}

test('docs/METRICS.md lists every metric with its type and labels', async () => {
  const measured = openMetrics()
    .registry.getMetricsAsArray()
    // The types omit the label names.
    .map((metric) => metric as typeof metric & { labelNames: string[] })
    .map(({ name, type, labelNames }) => ({ name, type: String(type), labels: labelNames }));
  const expected = (await readDocumented())
    .filter(({ linuxOnly }) => !linuxOnly || process.platform === 'linux')
    .map(({ name, type, labels }) => ({ name, type, labels }));
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  expect(expected.sort(byName)).toEqual(measured.sort(byName));
});

test('names follow the conventions of Prometheus', () => {
  for (const { name, type, help } of openMetrics().registry.getMetricsAsArray()) {
    expect(name).toMatch(/^cognito_mirror_[a-z0-9_]+$/);
    expect(help).not.toBe('');
    if (String(type) === 'counter') expect(name).toMatch(/_total$/);
    if (String(type) === 'histogram') expect(name).toMatch(/_seconds$/);
  }
});
