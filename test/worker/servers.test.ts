import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { openEmbeddedPostgres } from '../../src/postgres/embedded/open.ts';
import { stopServer } from '../support/embedded-server.ts';
import { expectQuiet, type Fleet, type FleetWorker, openFleet, until } from '../support/fleet.ts';
import { expectNoAttemptSpent, openFleetQueues } from '../support/job-queues.ts';
import { expectSnapshots } from '../support/outcome.ts';
import { runSql } from '../support/postgres.ts';
import { startRelay } from '../support/relay.ts';
import { temporaryFolder } from '../support/temp.ts';
import { lossAndReturn, troubleIn } from '../support/worker-log.ts';

let fleet: Fleet;
afterEach(() => fleet.close());

/** So that a pool's walks take some seconds. */
const PACE = { MIRROR_USER_LIST_RPS: '20' };

const attempts = () => fleet.simulator.attempts.count();
const whenAttempted = (count: number) =>
  until(`${count} attempts were made`, async () => attempts() >= count);

/** The workers' problem in `status`. */
async function troubleInStatus(): Promise<(string | null)[]> {
  const { stdout } = await fleet.run(['status', '--json']);
  return JSON.parse(stdout).workers.map(({ problem }: { problem: string | null }) => problem);
}

/** The lines about Redis in a worker's log, a word for each; any other line as it is. */
function courseOfLoss(worker: FleetWorker): string {
  const words = [
    [/^lost the connection to a server: .* Redis/, 'lost'],
    [/^Redis refuses commands: .* Redis/, 'refused'],
    [/^reconnected to a server: .* Redis/, 'back'],
  ] as const;
  return troubleIn(worker)
    .map((line) => words.find(([pattern]) => pattern.test(line))?.[1] ?? line)
    .join(' ');
}

const readyz = async ({ url }: FleetWorker) => (await fetch(`${url}/readyz`)).status;

describe('a worker starts', () => {
  it('only if its servers can be reached: one message names all that cannot, after a bounded wait', async () => {
    fleet = await openFleet();
    await fleet.redis.stop();
    const { code, stderr } = await fleet.run(['worker'], {
      REDIS_URL: fleet.redis.url,
      DATABASE_URL: 'postgres://127.0.0.1:1/mirror',
      PORT: '0',
    });
    expect(code).toBe(2);
    expect(stderr.match(/REDIS_URL \(/g)).toHaveLength(1);
    expect(stderr.match(/DATABASE_URL \(/g)).toHaveLength(1);
    expect(stderr).not.toContain('worker started');
  });

  it('only on a Redis that cannot drop jobs: the message names the setting to change', async () => {
    fleet = await openFleet({}, { settings: { 'maxmemory-policy': 'allkeys-lru' } });
    const { code, stderr } = await fleet.run(['worker'], {
      REDIS_URL: fleet.redis.url,
      PORT: '0',
    });
    expect(code).toBe(2);
    expect(stderr).toContain('CONFIG SET maxmemory-policy noeviction');
    expect(stderr).not.toContain('worker started');
    expect(await fleet.redis.command('DBSIZE')).toBe(0);
  });
});

describe('Redis, lost while a pool is read', () => {
  it('stops all calls until it is back', async () => {
    fleet = await openFleet({ users: 1_200, groups: 10, seed: 361 }, { persistent: true });
    const workers = await Promise.all([fleet.worker(PACE), fleet.worker(PACE)]);
    await fleet.trigger();
    await whenAttempted(15);
    await fleet.redis.stop();
    for (const worker of workers) {
      await until('the loss is logged', async () => troubleIn(worker).length > 0);
    }
    const before = await expectQuiet(fleet, workers, 300);
    await until('status shows it', async () => (await troubleInStatus()).every((shown) => shown));
    for (const worker of workers) expect(await readyz(worker)).toBe(503);
    expect(attempts()).toBe(before);
    await fleet.redis.restart({ keepData: true });
    await fleet.settled();
    await expectSnapshots(fleet, 1);
    for (const worker of workers) {
      expect(courseOfLoss(worker)).toBe('lost back');
      expect(await readyz(worker)).toBe(200);
    }
    await until('status shows it', async () => (await troubleInStatus()).every((shown) => !shown));
    await expectNoAttemptSpent(fleet);
  });

  it('and back without its keys: the request is restored and takes one snapshot', async () => {
    fleet = await openFleet({ users: 1_200, groups: 10, seed: 362 });
    const workers = await Promise.all([fleet.worker(PACE), fleet.worker(PACE)]);
    await fleet.trigger();
    await whenAttempted(15);
    await fleet.redis.restart({ keepData: false });
    await fleet.settled();
    await expectSnapshots(fleet, 1);
    for (const worker of workers) expect(troubleIn(worker)).toEqual(lossAndReturn('Redis'));
    const queues = await openFleetQueues(fleet);
    const schedulers = await queues.schedules.getJobSchedulers().finally(() => queues.close());
    expect(schedulers.map(({ key }) => key)).toEqual([fleet.poolId]);
  });
});

describe('Postgres, lost while a pool is read', () => {
  it('costs no attempt, even if it does not answer at first', async () => {
    fleet = await openFleet({ users: 1_200, groups: 10, seed: 363 });
    const relay = await startRelay(fleet.databaseUrl);
    onTestFinished(() => relay.close());
    const behind = { ...PACE, DATABASE_URL: relay.url };
    const workers = await Promise.all([fleet.worker(behind), fleet.worker(behind)]);
    await fleet.trigger();
    await whenAttempted(15);
    relay.freeze();
    for (const worker of workers) {
      await until('the loss is logged', async () => troubleIn(worker).length > 0);
      expect(await readyz(worker)).toBe(503);
    }
    const before = await expectQuiet(fleet, workers, 300);
    await relay.cut();
    // Long enough for the workers to try Postgres several times.
    await sleep(3_000);
    expect(attempts()).toBe(before);
    await relay.restore();
    await fleet.settled();
    await expectSnapshots(fleet, 1);
    for (const worker of workers) {
      expect(troubleIn(worker)).toEqual(lossAndReturn('Postgres'));
      expect(await readyz(worker)).toBe(200);
    }
    await expectNoAttemptSpent(fleet);
  });

  it('in a crash that empties the stage: the walks start again', async () => {
    fleet = await openFleet({ users: 900, groups: 8, seed: 364 });
    const home = await temporaryFolder();
    const postgres = await openEmbeddedPostgres(home.path);
    onTestFinished(async () => {
      await stopServer(home.path);
      await home.remove();
    });
    const own = {
      ...fleet,
      databaseUrl: postgres.url,
      rows: async <T>(sql: string) => (await runSql(postgres.url, sql)) as T[],
    };
    const worker = await fleet.worker({ ...PACE, DATABASE_URL: postgres.url });
    await own.rows(
      `INSERT INTO mirror.requests (pool_id, source) VALUES ('${own.poolId}', 'trigger')`,
    );
    await whenAttempted(25);
    const [backend] = await own.rows<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'cognito-mirror'`,
    );
    // Postgres then ends every session and restarts.
    process.kill(backend?.pid as number, 'SIGKILL');
    await until('the request has ended', async () => {
      const ended = await own
        .rows('SELECT FROM mirror.requests WHERE ended_at IS NOT NULL')
        .catch(() => []);
      return ended.length > 0;
    });
    await expectSnapshots(own, 1);
    expect(own.simulator.attempts.count({ operation: 'ListGroups' })).toBeGreaterThan(1);
    expect(
      troubleIn(worker).filter(
        (line) => !/^(lost the connection|reconnected) to a server/.test(line),
      ),
    ).toEqual([]);
    await expectNoAttemptSpent(own);
  });
});
