import { test } from 'vitest';
import { openCognito } from '../src/cognito/client.ts';
import type { RestoreTask } from '../src/model/restore.ts';
import { localAccountBuckets } from '../src/quota/account-buckets.ts';
import { execute } from '../src/restore/execute.ts';
import { Journal } from '../src/restore/journal.ts';
import { CallMeter } from '../src/telemetry/calls.ts';
import { TARGET } from '../test/restore/pool-model.ts';
import { SNAPSHOT } from '../test/restore/support.ts';
import { startCli } from '../test/support/cli.ts';
import { temporaryFolder } from '../test/support/temp.ts';
import { type Figures, report } from './support/figures.ts';
import { firstLine } from './support/lab.ts';

const POOL = 'us-east-1_Simulated';
/** Fewer on a busy machine. */
const USERS = Number(process.env.RESTORE_USERS ?? 100_000);
/** Rates at which buckets have no pace. */
const LIFTED = {
  UserCreation: 1e6,
  UserAccountRecovery: 1e6,
  UserUpdate: 1e6,
  UserResourceUpdate: 1e6,
  UserPoolResourceUpdate: 1e6,
};

/**
 * Restores users into an empty pool of the simulator, whose quotas are lifted: each is created and gets
 * a password, one in ten is disabled. The time is that of the calls and of the journal.
 */
test('restore', async () => {
  await report('restore', { [`${USERS} users`]: await measure() });
}, 1_800_000);

async function measure(): Promise<Figures> {
  const folder = await temporaryFolder();
  const simulator = await startCli([
    ...['simulator', '--port', '0', '--rps', '0', '--users', '0', '--groups', '0'],
  ]);
  const url = await firstLine(simulator);
  const allowance = { share: 1, userListRps: 1e6, writeQuotas: LIFTED };
  const all = localAccountBuckets({ of: () => allowance, leastShare: () => 1 });
  const meter = new CallMeter();
  const cognito = openCognito({
    region: 'us-east-1',
    access: {
      role: null,
      endpoints: { cognito: url },
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    },
    buckets: all.ofRestore('123456789012', 'us-east-1', 1),
    meter,
  });
  const journal = await Journal.open({ home: folder.path, target: POOL, source: SNAPSHOT });
  try {
    const started = performance.now();
    const processor = process.cpuUsage();
    const target = { ...TARGET, poolId: POOL };
    const deps = { cognito, target, password: 'random', journal } as const;
    const progress = await execute(deps, createUsers(), new AbortController().signal);
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(processor);
    return {
      'users restored': progress.of('user').created,
      'users/s': progress.of('user').created / seconds,
      'calls/s': meter.counts.apiCalls / seconds,
      'processor s of the program': (user + system) / 1e6,
      'total: s': seconds,
    };
  } finally {
    await journal.close();
    cognito.close();
    await all.close();
    simulator.child.kill();
    await simulator.result;
    await folder.remove();
  }
}

async function* createUsers(): AsyncGenerator<RestoreTask> {
  for (let i = 0; i < USERS; i += 1) {
    const username = `user-${i}`;
    yield {
      entity: 'user',
      action: 'create',
      username,
      sub: `old-${i}`,
      signInName: username,
      attributes: {
        email: `${username}@example.com`,
        email_verified: 'true',
        name: `Name ${i}`,
        'custom:tenant': `tenant-${i % 100}`,
      },
      enabled: i % 10 !== 0,
      mfa: null,
    };
  }
}
