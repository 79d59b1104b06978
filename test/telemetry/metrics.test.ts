import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openMetrics } from '../../src/telemetry/metrics.ts';
import { valuesOf } from './scrape.ts';

test('what is done is counted, by labels of few values', async () => {
  const metrics = openMetrics();
  metrics.attempt({ operation: 'ListUsers', outcome: 'ok', seconds: 0.3, waitedSeconds: 0.02 });
  metrics.attempt({ operation: 'ListUsers', outcome: 'ok', seconds: 0.1, waitedSeconds: 7 });
  metrics.attempt({ operation: 'ListUsers', outcome: 'throttled', seconds: 0.1, waitedSeconds: 1 });
  metrics.page('ListUsers', 60);
  metrics.page('ListUsers', 0);
  metrics.page('ListGroups', 4);
  metrics.step('publish', 12);
  metrics.job('walks', 'returned', 30);
  const text = await metrics.scrape([]);
  expect(valuesOf(text, 'cognito_mirror_calls_total')).toEqual({
    'ListUsers/ok': 2,
    'ListUsers/throttled': 1,
  });
  expect(valuesOf(text, 'cognito_mirror_call_duration_seconds_sum')['ListUsers']).toBeCloseTo(0.5);
  expect(valuesOf(text, 'cognito_mirror_bucket_wait_seconds_sum')['ListUsers']).toBeCloseTo(8.02);
  expect(valuesOf(text, 'cognito_mirror_pages_total')).toEqual({ ListUsers: 2, ListGroups: 1 });
  expect(valuesOf(text, 'cognito_mirror_page_items_total')).toEqual({
    ListUsers: 60,
    ListGroups: 4,
  });
  expect(valuesOf(text, 'cognito_mirror_step_duration_seconds_sum')).toEqual({ publish: 12 });
  expect(valuesOf(text, 'cognito_mirror_job_duration_seconds_count')).toEqual({
    'walks/returned': 1,
  });
});

test('buckets and queues are asked at each scrape, and what is gone is no longer told of', async () => {
  const metrics = openMetrics();
  let walking = true;
  metrics.watch({
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
  let text = await metrics.scrape([]);
  const bucket = '111122223333/us-east-1/UserList';
  expect(valuesOf(text, 'cognito_mirror_bucket_attempts_per_second')).toEqual({ [bucket]: 23.5 });
  expect(valuesOf(text, 'cognito_mirror_bucket_allowed_per_second')).toEqual({ [bucket]: 24 });
  expect(valuesOf(text, 'cognito_mirror_bucket_waiting')).toEqual({ [bucket]: 8 });
  expect(valuesOf(text, 'cognito_mirror_queue_jobs')).toEqual({
    'walks/active': 8,
    'walks/waiting': 2,
  });
  expect(valuesOf(text, 'cognito_mirror_redis_up')).toEqual({ '': 1 });

  walking = false;
  text = await metrics.scrape([]);
  expect(valuesOf(text, 'cognito_mirror_bucket_waiting')).toEqual({});
  expect(valuesOf(text, 'cognito_mirror_queue_jobs')).toEqual({
    'walks/active': 0,
    'walks/waiting': 2,
  });
});

test.each([
  ['fails', () => Promise.reject(new Error('away'))],
  ['hangs', () => new Promise<never>(() => {})],
])('a scrape while Redis %s has all but the queues', async (_, queues) => {
  const metrics = openMetrics();
  metrics.watch({
    buckets: () => [{ scope: 'x/y', bucket: 'UserList', rate: 0, allowed: 24, waiting: 8 }],
    queues,
  });
  metrics.page('ListUsers', 60);
  const text = await metrics.scrape([]);
  expect(valuesOf(text, 'cognito_mirror_redis_up')).toEqual({ '': 0 });
  expect(valuesOf(text, 'cognito_mirror_queue_jobs')).toEqual({});
  expect(valuesOf(text, 'cognito_mirror_bucket_waiting')).toEqual({ 'x/y/UserList': 8 });
  expect(valuesOf(text, 'cognito_mirror_pages_total')).toEqual({ ListUsers: 1 });
});

test('the process tells of its event loop, memory and processor time', async () => {
  const metrics = openMetrics();
  const greatestLag = async () =>
    valuesOf(await metrics.scrape([]), 'cognito_mirror_nodejs_eventloop_lag_max_seconds')[''];
  // The timer that measures ticks before and after.
  await sleep(100);
  const until = performance.now() + 300;
  while (performance.now() < until);
  await sleep(100);
  expect(await greatestLag()).toBeGreaterThan(0.2);
  const text = await metrics.scrape([]);
  expect(valuesOf(text, 'cognito_mirror_process_cpu_seconds_total')['']).toBeGreaterThan(0);
  expect(valuesOf(text, 'cognito_mirror_process_resident_memory_bytes')['']).toBeGreaterThan(1e6);
});

/** `name`, type and labels of each row of the tables of docs/METRICS.md. */
async function documented() {
  const text = await readFile(new URL('../../docs/METRICS.md', import.meta.url), 'utf8');
  const rows = text.matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|/gm);
  return [...rows].map(([, name = '', type, labels = '', meaning = '']) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
    linuxAlone: meaning.includes('(Linux)'),
  }));
}

test('docs/METRICS.md has every metric with its type and labels, and no other', async () => {
  const measured = openMetrics()
    .registry.getMetricsAsArray()
    // The types leave out what a metric is made with.
    .map((metric) => metric as typeof metric & { labelNames: string[] })
    .map(({ name, type, labelNames }) => ({ name, type: String(type), labels: labelNames }));
  const expected = (await documented())
    .filter(({ linuxAlone }) => !linuxAlone || process.platform === 'linux')
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
