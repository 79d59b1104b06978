import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type HttpServer, startHttp } from '../../src/http/server.ts';
import { ResumableError } from '../../src/model/errors.ts';
import { openPool, type Queryable } from '../../src/postgres/connection.ts';
import { openMetricsQuery } from '../../src/postgres/coordination/metrics.ts';
import { recordHeartbeat } from '../../src/postgres/coordination/workers.ts';
import { reportLate } from '../../src/runner/alarms.ts';
import { countJobs } from '../../src/runner/worker/queues.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { wrap } from '../archive/destinations.ts';
import { filesBelow } from '../support/cli-mirror.ts';
import { until } from '../support/fleet.ts';
import { LACKS_PROMTOOL, runPromtool } from '../support/promtool.ts';
import { temporaryFolder } from '../support/temp.ts';
import { openWorkerMirror, type WorkerMirror } from '../support/worker-mirror.ts';
import {
  type Course,
  type Look,
  OF_TARGET,
  RULES,
  readAlertRules,
  toPromtoolTests,
} from './alert-rules.ts';
import { namesIn } from './promql.ts';

const [WELL, FAILED, HELD, LATE, UNARCHIVED, ALTERED] = [
  'us-east-1_Well',
  'us-east-1_Failed',
  'us-east-1_Held',
  'us-east-1_Late',
  'us-east-1_Unarchived',
  'us-east-1_Altered',
] as const;
const POOLS = [WELL, FAILED, HELD, LATE, UNARCHIVED, ALTERED];

let mirror: WorkerMirror;
let server: HttpServer;
/** Where the worker reads the metrics of pools. */
let queried: Queryable;
/** True while the archives of two pools refuse to be changed. */
let isBroken = false;

beforeAll(async () => {
  mirror = await openWorkerMirror({ pools: POOLS, users: 60, groups: 0 });
  const held = mirror.simulator.pool(HELD);
  held.createGroup('everyone');
  for (const { username } of held.users()) held.addToGroup(username, 'everyone');
  const { deps, destination } = mirror;
  const refuse = () => Promise.reject(new ResumableError('The disk is away.'));
  const unwritable = wrap(destination, {
    put: (...args) => (isBroken ? refuse() : destination.put(...args)),
  });
  const undeletable = wrap(destination, {
    delete: (keys, signal) =>
      isBroken && keys.some((key) => key.startsWith('jsonl/'))
        ? refuse()
        : destination.delete(keys, signal),
  });
  const { metrics, poolDeps } = deps;
  Object.assign(deps, {
    keep: { last: 1 },
    verification: { subsets: 1, signers: null, needsSignatures: false },
    poolDeps: async (id: string) => ({
      ...(await poolDeps(id)),
      destination: id === UNARCHIVED ? unwritable : id === LATE ? undeletable : destination,
      maxRemoved: id === HELD ? 0.1 : 1,
    }),
  });
  metrics.setSources({
    buckets: () => deps.buckets.usages(),
    queues: () => countJobs(mirror.queues, mirror.connection, () => {}),
  });
  queried = mirror.db;
  server = await startHttp({
    settings: { host: '127.0.0.1', port: 0 },
    dashboard: null,
    metrics,
    // Opened for each look, because an answer is used again for five seconds.
    queryMetrics: () => openMetricsQuery(queried, () => metrics.recordPoolQueryError())(),
    readiness: {},
    log: createLogger({ level: 'silent' }),
  });
});
afterAll(async () => {
  await server.close();
  await mirror.close();
});

async function look(): Promise<Look> {
  const answer = await fetch(`${server.url}/metrics`);
  expect(answer.status).toBe(200);
  return { text: await answer.text(), at: Date.now() / 1000 };
}

async function run(poolId: string): Promise<string> {
  await mirror.ask(poolId);
  return (await mirror.ended(poolId)).outcome;
}

const verified = (condition: string) =>
  until('the archives are verified', async () => {
    const rows = await mirror.rows(`SELECT pool_id FROM mirror.verifications WHERE ${condition}`);
    return rows.length === POOLS.length;
  });

/** Brings each pool but the first into the state that its name says, and the worker's retention to fail. */
async function breakThings(): Promise<void> {
  const { simulator, proxy } = mirror;
  proxy.before = ({ request, sequence }) =>
    request['UserPoolId'] === FAILED
      ? { __type: 'AccessDeniedException', message: 'no' }
      : sequence % 3 === 0 && { __type: 'TooManyRequestsException', message: 'slow down' };
  expect(await run(FAILED)).toBe('failed');

  const held = simulator.pool(HELD);
  held.deleteGroup('everyone');
  expect(await run(HELD)).toBe('held');

  await mirror.rows(`UPDATE directory.users SET enabled = NOT enabled WHERE pool_id = $1`, [LATE]);
  isBroken = true;
  expect(await run(UNARCHIVED)).toBe('failed');
  expect(await run(LATE)).toBe('done');
  await mirror.rows(
    `UPDATE directory.snapshots SET published_at = published_at - interval '4 hours'
     WHERE pool_id = $1`,
    [LATE],
  );
  // Its runs stay away, although they are due each hour.
  await mirror.rows(
    `UPDATE mirror.schedules SET pattern = '0 * * * *', since = since - interval '2 days'
     WHERE pool_id = $1`,
    [LATE],
  );
  await reportLate({ db: mirror.db, log: createLogger({ level: 'silent' }) });
  await mirror.rows(
    `UPDATE mirror.verifications SET ended_at = ended_at - interval '3 days' WHERE pool_id = $1`,
    [LATE],
  );

  await mirror.rows(
    `INSERT INTO mirror.pools (pool_id, listed_at, vanished_at) VALUES ($1, now(), now())
     ON CONFLICT (pool_id) DO UPDATE SET vanished_at = now()`,
    [WELL],
  );
  mirror.deps.metrics.recordWebhook('given_up');

  const keys = await filesBelow(mirror.archive);
  const part = join(
    mirror.archive,
    keys.find((key) => key.includes(`users/pool_id=${ALTERED}`)) ?? '',
  );
  writeFileSync(part, Buffer.concat([readFileSync(part), Buffer.from('x')]));
  await mirror.rows(
    'UPDATE mirror.verifications SET due_at = clock_timestamp() WHERE pool_id = $1',
    [ALTERED],
  );
  await until(
    'the change is found',
    async () =>
      (await mirror.rows(`SELECT FROM mirror.verifications WHERE findings <> '{}'`)).length > 0,
  );
}

test.skipIf(LACKS_PROMTOOL)('the alert rules are valid', () => {
  expect(runPromtool('check', 'rules', RULES)).toBeNull();
});

test('the alert rules are about metrics and labels that a worker serves', async () => {
  const served = (await look()).text ?? '';
  const names = [...served.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
  const labels = new Map(
    mirror.deps.metrics.registry
      .getMetricsAsArray()
      // The types omit the label names.
      .map((metric) => metric as typeof metric & { labelNames: string[] })
      .map(({ name, labelNames }) => [name, labelNames]),
  );
  for (const { expr } of readAlertRules()) {
    const found = namesIn(expr);
    expect(found.errors).toEqual([]);
    expect([...names, 'up']).toEqual(expect.arrayContaining(found.metrics));
    const known = [...found.metrics.flatMap((name) => labels.get(name) ?? []), 'job', 'instance'];
    expect(known).toEqual(expect.arrayContaining(found.labels));
  }
});

test.skipIf(LACKS_PROMTOOL)(
  'each alert fires in its case, and none for a healthy worker',
  async () => {
    const { db, connection, redis } = mirror;
    await mirror.startWorker();
    for (const poolId of POOLS) expect(await run(poolId)).toBe('done');
    await verified('ended_at IS NOT NULL');
    const healthy = await look();

    const away = openPool('postgres://someone@127.0.0.1:1/none', 1);
    queried = away;
    const withoutPostgres = await look();
    queried = db;
    await away.end();

    await redis.stop();
    await until('the worker notices that Redis is gone', async () => connection.outage);
    const withoutRedis = await look();
    await redis.restart({ keepData: false });
    await until('the worker uses Redis again', async () => connection.outage === null);

    await breakThings();
    const gone = { id: 'gone', host: 'vm', pid: 1, version: 'test' };
    await recordHeartbeat(db, gone, { jobs: 0, problem: null });
    await mirror.rows(
      `UPDATE mirror.workers SET seen_at = seen_at - interval '1 minute' WHERE id = 'gone'`,
    );
    const broken = await look();

    await mirror.rows('ALTER TABLE mirror.attempts RENAME TO renamed');
    const unqueried = await look();
    await mirror.rows('ALTER TABLE mirror.renamed RENAME TO attempts');

    const silent = { text: null, at: broken.at };
    const courses: Course[] = [
      { name: 'healthy', before: healthy, after: healthy, firing: {} },
      {
        name: 'pools in every bad state, and a worker that was killed',
        before: healthy,
        after: broken,
        firing: {
          CognitoMirrorStale: [{ pool_id: LATE }],
          CognitoMirrorRunFailed: [{ pool_id: FAILED }, { pool_id: UNARCHIVED }],
          CognitoMirrorHeld: [{ pool_id: HELD }],
          CognitoMirrorNotArchived: [{ pool_id: UNARCHIVED }],
          CognitoMirrorRetentionFailed: [{}],
          CognitoMirrorArchiveWrong: [{ pool_id: ALTERED }],
          CognitoMirrorVerifyStale: [{ pool_id: LATE }],
          CognitoMirrorRowsChanged: [{ pool_id: LATE }],
          CognitoMirrorPoolVanished: [{ pool_id: WELL }],
          CognitoMirrorWebhooksLost: [{}],
          CognitoMirrorThrottled: [{}],
          CognitoMirrorWorkerLost: [{}],
        },
      },
      {
        name: 'a worker that does not answer',
        before: healthy,
        after: silent,
        firing: { CognitoMirrorWorkerDown: [OF_TARGET], CognitoMirrorNoWorker: [{}] },
      },
      {
        name: 'a query that fails',
        before: broken,
        after: unqueried,
        firing: { CognitoMirrorMetricsFailed: [{ instance: OF_TARGET.instance }] },
      },
      {
        name: 'without Postgres',
        before: healthy,
        after: withoutPostgres,
        firing: { CognitoMirrorPostgresDown: [OF_TARGET] },
      },
      {
        name: 'without Redis',
        before: healthy,
        after: withoutRedis,
        firing: { CognitoMirrorRedisDown: [OF_TARGET] },
      },
    ];
    const alerts = new Set(courses.flatMap(({ firing }) => Object.keys(firing)));
    expect([...alerts].sort()).toEqual(
      readAlertRules()
        .map(({ alert }) => alert)
        .sort(),
    );

    const folder = await temporaryFolder();
    const file = join(folder.path, 'tests.yml');
    writeFileSync(file, stringify(toPromtoolTests(courses)));
    expect(runPromtool('test', 'rules', file)).toBeNull();
    await folder.remove();
  },
);
