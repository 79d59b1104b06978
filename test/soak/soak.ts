import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { mix, Random } from '../../src/simulator/generate/random.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { changePool } from './change-pool.ts';
import { checkEnd, type End } from './check-end.ts';
import { Crew } from './crew.ts';
import { CLEARING_FAULTS, type Faults, SERVER_FAULTS, USUAL, WORKER_FAULTS } from './faults.ts';
import { PoolLog } from './pool-log.ts';
import { type Sample, takeSample } from './sample.ts';

/** Settings of a soak. */
export interface SoakOptions {
  /** Determines pools, changes and faults, but not their timing. */
  readonly seed: number;
  /** How many users each pool has. */
  readonly users: readonly number[];
  readonly groups: number;
  readonly workers: number;
  /** When workers mirror each pool, as a cron pattern. */
  readonly schedule: string;
  /** Attempts of UserList a second, so that reading takes its time. */
  readonly userListRps: number;
  /** How long there are changes, runs and faults. */
  readonly seconds: number;
  readonly changesEveryMs: number;
  /** From the end of a fault to the next of its kind, on average. */
  readonly faultsEveryMs: number;
  /** The longest duration of a fault. */
  readonly faultsLastMs: number;
  readonly samplesEveryMs: number;
}

/** The result of a soak. */
export interface SoakRun extends End {
  readonly samples: readonly Sample[];
  /** How often each fault occurred. */
  readonly faults: Readonly<Record<string, number>>;
  /** Changes of pools. */
  readonly changes: number;
}

/**
 * Lets workers mirror pools that change, by schedule, while servers, services and workers fail; then
 * lets all recover, and checks every snapshot that was taken.
 */
export async function runSoak(options: SoakOptions): Promise<SoakRun> {
  const s3 = await startS3Server();
  const fleet = await openFleet(
    {
      pools: options.users.map((users, i) => ({ id: `us-east-1_Soak${i}`, users })),
      groups: options.groups,
      seed: options.seed,
      faults: USUAL,
      slowMs: 1_000,
    },
    { persistent: true },
  );
  try {
    return await soak(options, fleet, s3);
  } finally {
    await fleet.close();
    await s3.close();
  }
}

async function soak(options: SoakOptions, fleet: Fleet, s3: S3Server): Promise<SoakRun> {
  const crew = new Crew(fleet, {
    // Straight to the simulator: the proxy's work would be done in the tests' process.
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: fleet.simulator.url,
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_REGION: 'us-east-1',
    ARCHIVE_URL: 's3://archive/',
    MIRROR_SCHEDULE: options.schedule,
    MIRROR_USER_LIST_RPS: String(options.userListRps),
  });
  await crew.start(options.workers);
  const logs = new Map([...fleet.simulator.pools].map(([id, pool]) => [id, new PoolLog(pool)]));
  const struck: Record<string, number> = {};
  const samples: Sample[] = [];
  const until = performance.now() + options.seconds * 1000;
  const strikes = (lane: number, faults: Faults, end: number) =>
    strike({ options, fleet, s3, crew }, lane, faults, end, struck);
  const halfway = until - options.seconds * 500;
  const [changes] = await Promise.all([
    changePools(options, fleet, logs, until),
    strikes(1, { ...SERVER_FAULTS, ...CLEARING_FAULTS }, halfway).then(() =>
      strikes(2, SERVER_FAULTS, until),
    ),
    strikes(3, WORKER_FAULTS, until),
    repeat(until, options.samplesEveryMs, async () => {
      samples.push(await takeSample(fleet, crew.steady, crew.workers));
    }),
  ]);
  fleet.simulator.faults.set({});
  const end = await checkEnd(fleet, s3, crew, logs);
  return { ...end, samples, faults: struck, changes };
}

/** @returns how many changes were made. */
async function changePools(
  { seed, users, changesEveryMs }: SoakOptions,
  { simulator }: Fleet,
  logs: ReadonlyMap<string, PoolLog>,
  until: number,
): Promise<number> {
  let changes = 0;
  const random = new Random(mix(seed, 0));
  const pools = [...simulator.pools.values()].map((pool, i) => ({ pool, size: users[i] ?? 0 }));
  await repeat(until, changesEveryMs, async () => {
    const { pool, size } = random.pick(pools);
    const noted = async () => {
      logs.get(pool.settings.id)?.note();
      changes += 1;
      // Recording takes time, and the simulator must answer in between.
      await nextTurn();
    };
    for (let left = 1 + random.below(4); left > 0; left -= 1) {
      await changePool({ pool, random, size, noted });
    }
  });
  return changes;
}

interface Struck {
  readonly options: SoakOptions;
  readonly fleet: Fleet;
  readonly s3: S3Server;
  readonly crew: Crew;
}

/** Lets one fault after the other strike, with some time between them. */
async function strike(
  { options, ...scene }: Struck,
  lane: number,
  faults: Faults,
  until: number,
  struck: Record<string, number>,
): Promise<void> {
  const random = new Random(mix(options.seed, lane));
  const lastsMs = () => options.faultsLastMs * (0.2 + 0.8 * random.fraction());
  const pause = () => options.faultsEveryMs * (0.5 + random.fraction());
  for (;;) {
    const ms = pause();
    if (performance.now() + ms > until) return sleep(Math.max(0, until - performance.now()));
    await sleep(ms);
    const name = random.pick(Object.keys(faults));
    await faults[name]?.({ ...scene, random, lastsMs });
    struck[name] = (struck[name] ?? 0) + 1;
  }
}

/** Does something every so often, one after the other. */
async function repeat(until: number, everyMs: number, work: () => Promise<void>): Promise<void> {
  for (let next = performance.now() + everyMs; next < until; next += everyMs) {
    await sleep(Math.max(0, next - performance.now()));
    await work();
  }
}
