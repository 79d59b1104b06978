import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { ResumableError } from '../../src/model/errors.ts';
import { finishErasures } from '../../src/runner/finish-erasures.ts';
import { forgetPersons } from '../../src/runner/forget.ts';
import { releaseHeld } from '../../src/runner/held.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { SnapshotProgress } from '../../src/telemetry/snapshot-progress.ts';
import { verifyPool } from '../../src/verify/verify-pool.ts';
import { wrap } from '../archive/destinations.ts';
import { NEVER } from '../archive/support.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { privacyOf } from '../support/privacy.ts';

let mirror: TestMirror;
let destination: Destination;
const FORMATS = { formats: ['jsonl'] } as const;

beforeAll(async () => {
  mirror = await openTestMirror({ users: 120, groups: 2 });
  destination = await openDestination(pathToFileURL(mirror.archive).href);
});
afterAll(() => mirror.close());

const poolId = () => mirror.pool.settings.id;

/** Adds a person, takes a snapshot, lets them leave, and takes another one. */
async function addAndLeave(name: string): Promise<string[]> {
  const { attributes } = mirror.pool.createUser({
    username: name,
    attributes: { email: `${name}@example.org` },
  });
  mirror.pool.addToGroup(name, mirror.pool.groupNames()[0] ?? '');
  expect((await mirror.sync(FORMATS)).error).toBeNull();
  mirror.pool.deleteUser(name);
  expect((await mirror.sync(FORMATS)).error).toBeNull();
  return [name, attributes.get('sub') ?? ''];
}

const context = (own: Destination = destination) => ({
  db: mirror.db,
  databaseUrl: mirror.databaseUrl,
  destination: own,
  signer: null,
  lock: null,
  program: 'cognito-mirror/test',
  workFolder: mirror.work,
  privacy: privacyOf(poolId()),
  findPresent: async () => [],
  log: createLogger({ level: 'silent' }),
});

const forget = (user: string, own?: Destination) =>
  forgetPersons(
    context(own),
    poolId(),
    { users: [user], suppress: false, reason: null, dryRun: false },
    NEVER,
  );

async function findings(): Promise<string[]> {
  const options = { from: null, to: null, content: 'all', signers: null, head: null } as const;
  const verified = await verifyPool(destination, poolId(), {
    ...options,
    parquet: null,
    signal: NEVER,
  });
  return verified.findings.map(({ code, key }) => `${code} ${key}`);
}

/** Where traces are left. */
async function traces(texts: readonly string[]): Promise<string[]> {
  const files = readdirSync(mirror.archive, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => {
      const bytes = readFileSync(path);
      const content = path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
      return texts.some((text) => content.includes(text));
    });
  const rows = await mirror.rows<{ table: string }>(
    `SELECT 'users' AS table FROM directory.users WHERE username = ANY ($1)
     UNION ALL SELECT 'user_history' FROM directory.user_history WHERE username = ANY ($1)
     UNION ALL SELECT 'membership_history' FROM directory.membership_history WHERE username = ANY ($1)
     UNION ALL SELECT 'user_hashes' FROM mirror.user_hashes WHERE username = ANY ($1)`,
    [texts],
  );
  return [...files, ...rows.map(({ table }) => table)];
}

/** Fails the write at a moment, and all after it. */
function killAt(moment: number) {
  let writes = 0;
  const count = <T>(run: () => Promise<T>): Promise<T> => {
    writes += 1;
    return writes > moment ? Promise.reject(new ResumableError('killed')) : run();
  };
  const killed = wrap(destination, {
    put: (...args) => count(() => destination.put(...args)),
    create: (...args) => count(() => destination.create(...args)),
    delete: (...args) => count(() => destination.delete(...args)),
  });
  return { killed, writes: () => writes };
}

test('killed at any time, the next run completes it, and snapshots go on', async () => {
  const first = await addAndLeave('person-00');
  const whole = killAt(Number.POSITIVE_INFINITY);
  await forget('person-00', whole.killed);
  expect(await traces(first)).toEqual([]);
  expect(whole.writes()).toBeGreaterThan(8);
  for (let moment = 0; moment < whole.writes(); moment += 3) {
    const name = `person-${moment + 1}x`;
    const texts = await addAndLeave(name);
    await expect(forget(name, killAt(moment).killed)).rejects.toThrow('killed');
    const [erasure] = await mirror.rows<{ done: boolean }>(
      'SELECT erased_at IS NOT NULL AS done FROM mirror.erasures WHERE receipt IS NULL',
    );
    // The rows in Postgres go last, so that the person is found again.
    if (erasure?.done) await finishErasures(context(), poolId(), NEVER);
    else await forget(name);
    expect(await traces(texts), `after ${moment} writes`).toEqual([]);
    expect(await findings(), `after ${moment} writes`).toEqual([]);
    expect(await mirror.rows('SELECT FROM mirror.erasures WHERE receipt IS NULL')).toEqual([]);
  }
  const outcome = await mirror.sync(FORMATS);
  expect(outcome.report).toMatchObject({ state: 'archived', users: 120, repaired: 0 });
  expect(await findings()).toEqual([]);
});

test('what is staged or held goes too, and a held snapshot can be released', async () => {
  const texts = await addAndLeave('person-held');
  const back = mirror.pool.createUser({ username: 'person-held' });
  texts.push(back.attributes.get('sub') ?? '');
  const victims = [...mirror.pool.users()].slice(0, 60).map(({ username }) => username);
  for (const username of victims) mirror.pool.deleteUser(username);
  const stopped = await mirror.sync({ ...FORMATS, maxRemoved: 0 });
  expect(stopped.outcome).toBe('held');
  mirror.pool.deleteUser('person-held');
  // Two persons had the name: each is named by the sub.
  await expect(forget('person-held')).rejects.toThrow('several persons');
  await forgetPersons(
    context(),
    poolId(),
    { users: texts.slice(1), suppress: false, reason: null, dryRun: false },
    NEVER,
  );
  const stages = await mirror.rows<{ name: string }>(
    "SELECT format('mirror.%I', relname) AS name FROM pg_class WHERE relkind = 'r' AND relname ~ '^stage_[0-9]+_(users|memberships)$'",
  );
  expect(stages.length).toBeGreaterThan(1);
  for (const { name } of stages) {
    expect(await mirror.rows(`SELECT FROM ${name} WHERE username = 'person-held'`)).toEqual([]);
  }
  expect(await traces(texts)).toEqual([]);
  const [held = { at: new Date(0), users: 0 }] = await mirror.rows<{ at: Date; users: number }>(
    "SELECT snapshot_at AS at, users::int FROM directory.snapshots WHERE state = 'held'",
  );
  expect(held.users).toBe(60);
  expect(await findings()).toEqual([]);
  const released = await releaseHeld(
    { ...context(), formats: ['jsonl'], progress: new SnapshotProgress(poolId()) },
    { poolId: poolId(), snapshotAt: held.at },
    { historyDays: null, keep: null },
    NEVER,
  );
  expect(released).toMatchObject({ state: 'archived', users: 60 });
  expect(await traces(texts)).toEqual([]);
  expect(await findings()).toEqual([]);
});
