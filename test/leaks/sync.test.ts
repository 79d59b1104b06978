import { afterAll, beforeAll, expect, test } from 'vitest';
import { LOG_LEVELS } from '../../src/config/config.ts';
import {
  type CliMirror,
  type EnvChange,
  filesBelow,
  openCliMirror,
} from '../support/cli-mirror.ts';
import { cancelWaiting, keepLock, waitingFor } from '../support/holds.ts';
import { runSql } from '../support/postgres.ts';
import { changeAll, deleteMany } from './marked-pool.ts';
import { noteDatabase, noteProcesses, Outlets } from './outlets.ts';
import { REFUSE_USERS, TAKE_USERS } from './quoting-trigger.ts';
import { openSurroundings, type Surroundings } from './surroundings.ts';

const outlets = new Outlets();
let mirror: CliMirror;
let around: Surroundings;

beforeAll(async () => {
  mirror = await openCliMirror({ users: 0, groups: 0, seed: 5 });
  around = await openSurroundings(mirror);
});
afterAll(async () => {
  await mirror.close();
  await around.close();
});

async function start(args: readonly string[], change: EnvChange = {}) {
  const running = await mirror.start(args, { ...around.env, LOG_LEVEL: 'trace', ...change });
  void outlets.noteOutput(running);
  return running;
}

async function run(args: readonly string[], change?: EnvChange) {
  const result = await (await start(args, change)).result;
  await noteDatabase(outlets, mirror);
  return result;
}

/** A way to fail, and the message that reports it. */
interface Failure {
  readonly what: string;
  readonly code: number;
  readonly message: RegExp;
  readonly env?: () => EnvChange;
  readonly begin: () => unknown;
  readonly end?: () => unknown;
}

const sql = (text: string) => runSql(mirror.databaseUrl, text);

const refused = (operation: string, type: string) => () => {
  around.service.instead = (call) => (call.operation === operation ? around.refusal(type) : null);
};

/** The next run has the archive to write, and no more. */
const archive = () => run(['sync'], { LOG_LEVEL: 'silent' });

const FAILURES: readonly Failure[] = [
  {
    what: 'the service may not be called',
    code: 2,
    message: /may not call ListUsers\b/,
    begin: refused('ListUsers', 'NotAuthorizedException'),
  },
  {
    what: 'the service refuses a parameter',
    code: 2,
    message: /the service refused a parameter/,
    begin: refused('ListUsersInGroup', 'InvalidParameterException'),
  },
  {
    what: 'credentials have expired',
    code: 2,
    message: /they have expired/,
    begin: refused('DescribeUserPool', 'ExpiredTokenException'),
  },
  {
    what: 'the service refuses with an unknown error',
    code: 1,
    message: /an error that is not documented/,
    begin: refused('ListUsersInGroup', 'SomethingElseException'),
  },
  {
    what: 'a role is refused',
    code: 2,
    message: /the credentials in use may not assume the role/,
    env: () => around.refusedRole,
    begin: () => {},
  },
  {
    what: 'a row breaks a constraint',
    code: 1,
    message: /\[SQLSTATE 23514\]/,
    begin: () => {
      changeAll(mirror.pool);
      return sql('ALTER TABLE directory.users ADD CONSTRAINT nobody CHECK (false) NOT VALID');
    },
    end: () => sql('ALTER TABLE directory.users DROP CONSTRAINT nobody'),
  },
  {
    what: 'a statement fails with words that quote the row',
    code: 1,
    message: /\[SQLSTATE 22000\]/,
    begin: () => {
      changeAll(mirror.pool);
      return sql(REFUSE_USERS);
    },
    end: () => sql(TAKE_USERS),
  },
  {
    what: 'S3 refuses what it was sent',
    code: 2,
    message: /S3 rejected the credentials \(SignatureDoesNotMatch\)/,
    begin: () => {
      around.store.instead = ({ method }) => (method === 'PUT' ? around.wrongSignature : null);
    },
    end: archive,
  },
  {
    what: 'S3 stores other bytes',
    code: 1,
    message: /stored other bytes/,
    begin: () => {
      around.s3.fault = ({ operation }) => (operation === 'PutObject' ? 'fewer bytes' : null);
    },
    end: archive,
  },
  {
    what: 'a snapshot is held',
    code: 3,
    message: /held/,
    begin: () => deleteMany(mirror.pool),
  },
];

async function fail(failure: Failure, level: string): Promise<void> {
  const { code, stderr } = await run(['sync'], { LOG_LEVEL: level, ...failure.env?.() });
  expect([failure.what, level, code, stderr]).toEqual([
    failure.what,
    level,
    failure.code,
    expect.stringMatching(failure.message),
  ]);
}

/** Expects a run to succeed whose every other call meets a fault, and to say so. */
async function succeedWithFaults(): Promise<void> {
  let calls = 0;
  around.service.instead = ({ operation }) => {
    calls += operation.startsWith('List') ? 1 : 0;
    return calls % 2 === 1
      ? (around.malformed[(calls >> 1) % around.malformed.length] ?? null)
      : null;
  };
  const { code, stderr } = await run(['sync']);
  expect([code, stderr.match(/calling again/g)?.length]).toEqual([0, expect.any(Number)]);
}

async function interrupt(): Promise<void> {
  around.service.instead = ({ operation }) =>
    operation === 'ListUsers' ? (around.malformed[0] ?? null) : null;
  const running = await start(['sync']);
  await expect.poll(() => running.output.stderr).toContain('calling again');
  running.child.kill('SIGTERM');
  expect((await running.result).code).toBe(130);
  await noteDatabase(outlets, mirror);
}

/** A killed run leaves a snapshot's rows in its work folder; the next one removes them. */
async function killWhileArchiving(): Promise<void> {
  let reached = false;
  around.store.instead = ({ method, url }) => {
    const isPart = method === 'PUT' && url.includes('/parquet/');
    reached ||= isPart;
    return isPart ? new Promise(() => {}) : null;
  };
  const running = await start(['sync']);
  await expect.poll(() => reached).toBe(true);
  running.child.kill('SIGKILL');
  await running.result;
  expect(await filesBelow(mirror.folder)).not.toEqual([]);
}

async function cancelPublishing(): Promise<void> {
  changeAll(mirror.pool);
  const release = await keepLock(mirror, 'LOCK TABLE directory.users IN SHARE MODE');
  const running = await start(['sync']);
  await expect.poll(() => waitingFor(mirror, 'directory.users')).toBe(1);
  await cancelWaiting(mirror, 'directory.users');
  await release();
  const { code, stderr } = await running.result;
  expect([code, stderr]).toEqual([1, expect.stringContaining('[SQLSTATE 57014]')]);
}

function mend(): void {
  around.service.instead = () => null;
  around.store.instead = () => null;
  around.s3.fault = () => null;
}

test('no run leaks a person, a token or a credential', async () => {
  const stopWatching = noteProcesses(outlets, []);
  await succeedWithFaults();
  mend();
  const levels = LOG_LEVELS.flatMap((level) => [level, 'trace']);
  for (const [index, failure] of FAILURES.entries()) {
    await failure.begin();
    await fail(failure, levels[index] ?? 'trace');
    mend();
    await failure.end?.();
  }
  const [held] = await mirror.rows<{ id: string }>(
    `SELECT pool_id || '/' || snapshot AS id FROM directory.snapshots WHERE state = 'held'`,
  );
  for (const args of [['status'], ['status', '--json'], ['plan'], ['release', held?.id ?? '']]) {
    expect([args, (await run(args)).code]).toEqual([args, 0]);
  }
  await interrupt();
  mend();
  await cancelPublishing();
  await killWhileArchiving();
  mend();
  expect((await run(['sync', '--json'])).code).toBe(0);
  await stopWatching();
  expect(await filesBelow(mirror.folder)).toEqual([]);
  for (const name of ['service', 'store', 'sts'] as const) outlets.noteUrls(name, around[name]);

  expect(outlets.find(around.marks)).toEqual([]);
  expect(outlets.names.sort()).toEqual([
    'URLs of service',
    'URLs of store',
    'URLs of sts',
    'processes',
    'standard error',
    'standard output',
    'tables of the machinery',
  ]);
});
