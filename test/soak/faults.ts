import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultSettings } from '../../src/simulator/faults.ts';
import { Random } from '../../src/simulator/generate/random.ts';
import type { Fleet } from '../support/fleet.ts';
import type { S3Fault, S3Server } from '../support/s3-server.ts';
import type { Crew } from './crew.ts';

/** What faults strike. */
export interface Scene {
  readonly fleet: Fleet;
  readonly s3: S3Server;
  readonly crew: Crew;
  readonly random: Random;
  /** How long what lasts goes on, in milliseconds. */
  readonly lastsMs: () => number;
}

/** Strikes, and resolves when it is over. */
export type Fault = (scene: Scene) => Promise<void>;
export type Faults = Readonly<Record<string, Fault>>;

/** What the service does now and then at all times. */
export const USUAL: FaultSettings = {
  'empty-page': 0.05,
  'short-page': 0.1,
  'repeat-user': 0.03,
  throttle: 0.02,
  'internal-error': 0.01,
  drop: 0.01,
  slow: 0.01,
};

const STORM: FaultSettings = {
  'empty-page': 0.2,
  'short-page': 0.3,
  'repeat-user': 0.2,
  throttle: 0.4,
  'internal-error': 0.2,
  drop: 0.1,
  slow: 0.05,
  'token-refused': { rate: 0.02, operations: ['ListUsers', 'ListUsersInGroup'] },
};

const S3_FAULTS: readonly S3Fault[] = [
  'SlowDown',
  'InternalError',
  'cut',
  'other bytes',
  'fewer bytes',
];

/** What happens to servers and services. */
export const SERVER_FAULTS: Faults = {
  async 'the service in a storm'({ fleet, lastsMs }) {
    fleet.simulator.faults.set(STORM);
    await sleep(lastsMs());
    fleet.simulator.faults.set(USUAL);
  },
  async 'S3 failing'({ s3, random, lastsMs }) {
    const fault = random.pick(S3_FAULTS);
    // Requests come in no fixed order: their draws are not those of the faults to come.
    const own = new Random(random.bits());
    s3.fault = () => (own.chance(0.3) ? fault : null);
    await sleep(lastsMs());
    s3.fault = () => null;
  },
  async 'Redis away'({ fleet, lastsMs }) {
    await fleet.redis.stop();
    await sleep(lastsMs());
    await fleet.redis.restart({ keepData: true });
  },
};

/** What also takes away what may have grown: in the second half of a soak nothing does. */
export const CLEARING_FAULTS: Faults = {
  async 'connections to Postgres cut'({ fleet, random }) {
    await fleet.rows(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name LIKE 'cognito-mirror%'
         AND (pid # $1) & 1 = 0`,
      [random.below(2)],
    );
  },
  async 'Redis flushed'({ fleet }) {
    await fleet.redis.flush();
  },
  async 'Redis restarted, empty'({ fleet }) {
    await fleet.redis.restart({ keepData: false });
  },
};

/** What happens to workers. */
export const WORKER_FAULTS: Faults = {
  'a worker killed': ({ crew, random }) => crew.end(random, 'SIGKILL'),
  'a worker stopped': ({ crew, random }) => crew.end(random, 'SIGTERM'),
  'a worker frozen': ({ crew, random, lastsMs }) => crew.freeze(random, lastsMs()),
};
