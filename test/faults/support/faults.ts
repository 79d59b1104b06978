import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { Random } from '../../../src/simulator/generate/random.ts';
import type { S3Fault } from '../../support/s3-server.ts';
import { changePool } from './change-pool.ts';
import { type Handling, PASS } from './interceptor.ts';
import type { Passing } from './machine.ts';
import { MOMENTS, type MomentName } from './moments.ts';
import type { World } from './world.ts';

/** Something that goes wrong when a step begins. */
export interface Fault {
  /** The steps at which it makes sense. */
  readonly at: readonly MomentName[];
  /** Set if it makes sense only with workers. */
  readonly needs?: 'workers';
  /** True if it changes the pool, so that the snapshot cannot be predicted. */
  readonly moves?: true;
  /** Strikes, and returns what happens to the request that was about to pass. */
  inject(world: World, passing: Passing, random: Random): Handling | Promise<Handling>;
}

const ALL = Object.keys(MOMENTS) as MomentName[];
const on = (server: string) => ALL.filter((name) => MOMENTS[name].server === server);
const CUT: Handling = { kind: 'cut' };
const LOST = { kind: 'cut answer', afterBytes: 0 } as const satisfies Handling;
const service = on('service');
const postgres = on('postgres');

/** An HTTP answer as it goes over the wire. */
function http(body: string, status = '200 OK', type = 'application/x-amz-json-1.1'): Handling {
  return {
    kind: 'answer',
    bytes: `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  };
}

/** Breaks every connection of the world's database but those of this process. */
async function terminateBackends({ rows }: World): Promise<void> {
  await rows(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()`);
}

/** Takes what the publication needs next, and waits for what it has: it is the one to be ended. */
async function deadlock(world: World): Promise<void> {
  const other = new Client({ connectionString: world.databaseUrl() });
  other.on('error', () => {});
  await other.connect();
  await other.query(
    `SET deadlock_timeout = '60s'; BEGIN; LOCK directory.memberships IN SHARE MODE`,
  );
  other
    .query('LOCK directory.users IN SHARE MODE')
    .catch(() => {})
    .finally(() => other.end());
}

/** Sends a signal to all workers at once. */
function toEveryWorker(signal: NodeJS.Signals, handling: Handling) {
  return {
    at: ALL,
    needs: 'workers',
    inject({ machines }: World) {
      for (const machine of machines) machine.child.kill(signal);
      return handling;
    },
  } as const;
}

/** Makes the bucket fail so many requests of a kind from now on. */
function failS3(fault: S3Fault, times: number, operation?: string): Fault['inject'] {
  return (world) => {
    let left = times;
    world.s3.fault = (request) => {
      const hit = left > 0 && (operation === undefined || request.operation === operation);
      if (hit) {
        left -= 1;
        world.failedByS3 += 1;
      }
      return hit ? fault : null;
    };
    return PASS;
  };
}

/** Lets the simulator fail at a rate for a while, which is over once so many calls were made. */
function failService(fault: string, rate: number, calls: number): Fault['inject'] {
  return async ({ simulator }) => {
    const until = simulator.attempts.total + calls;
    simulator.faults.set({ [fault]: rate });
    void (async () => {
      const deadline = performance.now() + 10_000;
      while (simulator.attempts.total < until && performance.now() < deadline) await sleep(5);
      simulator.faults.set({});
    })();
    return PASS;
  };
}

/** What production does to a mirror, by name. */
export const FAULTS = {
  'kill the process before it asks': {
    at: ALL,
    inject(_, { machine }) {
      machine.child.kill('SIGKILL');
      return CUT;
    },
  },
  'kill the process before it hears the answer': {
    at: ALL,
    inject: (_, { machine }) => ({ ...LOST, onCut: () => machine.child.kill('SIGKILL') }),
  },
  'ask the process to end': {
    at: ALL,
    inject(_, { machine }) {
      machine.child.kill('SIGTERM');
      return PASS;
    },
  },
  'kill every worker': toEveryWorker('SIGKILL', CUT),
  'ask every worker to end': toEveryWorker('SIGTERM', PASS),
  'freeze the process for some seconds': {
    at: ['read a page', 'stage a page', 'merge reads', 'publish users', 'read rows to archive'],
    needs: 'workers',
    inject({ machines }, { machine }) {
      machine.child.kill('SIGSTOP');
      const others = machines.some((each) => each !== machine && each.isRunning());
      setTimeout(() => machine.child.kill('SIGCONT'), others ? 18_000 : 2_000);
      return PASS;
    },
  },
  'cut the connection to Postgres': { at: postgres, inject: () => CUT },
  'lose an answer of Postgres': { at: postgres, inject: () => LOST },
  'cut an answer of Postgres in the middle': {
    at: ['read rows to archive', 'merge reads'],
    inject: (_, __, random) => ({ kind: 'cut answer', afterBytes: 1 + random.below(60_000) }),
  },
  'break every connection to Postgres': {
    at: ALL,
    async inject(world) {
      await terminateBackends(world);
      return PASS;
    },
  },
  'cancel what Postgres runs': {
    at: ['publish memberships', 'merge reads', 'stage a page', 'read rows to archive'],
    inject({ rows }) {
      const sql = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'`;
      void (async () => {
        for (let i = 0; i < 5; i += 1) await rows(sql).catch(() => {});
      })();
      return PASS;
    },
  },
  'restart Postgres': {
    at: ALL,
    async inject({ backends }) {
      await backends.postgres.restart('SIGINT');
      return PASS;
    },
  },
  'crash Postgres': {
    at: ALL,
    async inject({ backends }) {
      await backends.postgres.restart('SIGQUIT');
      return PASS;
    },
  },
  'make the publication one of a deadlock': {
    at: ['publish memberships'],
    async inject(world) {
      await deadlock(world);
      return PASS;
    },
  },
  'flush Redis': {
    at: ALL,
    async inject({ backends }) {
      await backends.redis.flush();
      return PASS;
    },
  },
  'restart Redis': {
    at: ALL,
    async inject({ backends }, _, random) {
      await backends.redis.restart({ keepData: random.chance(0.5) });
      return PASS;
    },
  },
  'cut the connections to Redis': {
    at: ALL,
    async inject({ backends }) {
      await backends.redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
      return PASS;
    },
  },
  'slow Redis down': {
    at: ALL,
    async inject({ backends }) {
      await backends.redis.command('CLIENT', 'PAUSE', 1_500);
      return PASS;
    },
  },
  "fill Redis's memory": {
    at: ALL,
    async inject({ backends }) {
      await backends.redis.command('CONFIG', 'SET', 'maxmemory', 1);
      setTimeout(
        () => void backends.redis.command('CONFIG', 'SET', 'maxmemory', 0).catch(() => {}),
        2_000,
      );
      return PASS;
    },
  },
  'slow S3 down': { at: on('s3'), inject: failS3('SlowDown', 2) },
  'fail S3 within': { at: on('s3'), inject: failS3('InternalError', 3) },
  'cut what goes to S3': {
    at: on('s3'),
    inject: () => CUT,
  },
  'lose an answer of S3': { at: on('s3'), inject: () => LOST },
  'expire the credentials of S3': { at: on('s3'), inject: failS3('ExpiredToken', 6) },
  'take the rights on the bucket away': { at: on('s3'), inject: failS3('AccessDenied', 6) },
  'store other bytes on S3': {
    at: ['store a part', 'store the manifest'],
    inject: failS3('other bytes', 1, 'PutObject'),
  },
  'store fewer bytes on S3': {
    at: ['store a part', 'store the manifest'],
    inject: failS3('fewer bytes', 1, 'PutObject'),
  },
  'throttle in a storm': { at: service, inject: failService('throttle', 0.6, 25) },
  'fail the service within': { at: service, inject: failService('internal-error', 0.4, 25) },
  'drop connections of the service': { at: service, inject: failService('drop', 0.4, 25) },
  'slow the service down': { at: service, inject: failService('slow', 0.3, 10) },
  'refuse page tokens': { at: service, inject: failService('token-refused', 0.3, 12) },
  'give empty pages': { at: service, inject: failService('empty-page', 0.5, 25) },
  'give users twice': { at: service, inject: failService('repeat-user', 0.7, 25) },
  'give malformed JSON': { at: service, inject: () => http('{"Users":[{"Username":') },
  'give an answer of another shape': { at: service, inject: () => http('{"Users":7}') },
  'give an answer of a proxy': {
    at: service,
    inject: () => http('<html>Bad gateway</html>', '502 Bad Gateway', 'text/html'),
  },
  'cut an answer of the service in the middle': {
    at: service,
    inject: (_, __, random) => ({ kind: 'cut answer', afterBytes: 1 + random.below(2_000) }),
  },
  'change the pool': {
    at: ['read a page', 'list groups', 'confirm a user'],
    moves: true,
    inject({ simulator }, _, random) {
      changePool(simulator.pool(), random, 12);
      return PASS;
    },
  },
  'take the permission away for a while': {
    at: service,
    inject({ simulator }, { text }) {
      const operation = /IdentityProviderService\.(\w+)\r/i.exec(text)?.[1] as 'ListUsers';
      simulator.denied.set(operation, 'AccessDeniedException');
      setTimeout(() => simulator.denied.delete(operation), 1_500);
      return PASS;
    },
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
