import { openMirrorDatabase } from '../../app/open-mirror.ts';
import { formatCount } from '../../common/text.ts';
import type { Config } from '../../config/config.ts';
import { loadConfig } from '../../config/load-config.ts';
import { InterruptedError, ResumableError } from '../../model/errors.ts';
import { parseRegion } from '../../model/pool-id.ts';
import { reservePoolId } from '../../postgres/work/reserve-pool-id.ts';
import { createLogger } from '../../telemetry/logger.ts';
import { describeSnapshot } from '../display/snapshot-summary.ts';
import { wrap } from '../display/text-width.ts';
import { mirrorPools } from '../mirror-pools.ts';
import { outputWidth, writeOut } from '../output.ts';
import { changePool } from './change-pool.ts';
import { showResults } from './show-results.ts';
import { startSimulatorProcess } from './simulator-process.ts';

const USERS = 20_000;
const GROUPS = 40;
/** Apart from that of `simulator`, whose pool of the same home is another. */
const POOL = 'us-east-1_Demo';

/** Above what the simulator can answer, so that the quota, which it does not have, is no bound. */
const NO_QUOTA_RPS = '100000';

/**
 * Shows the main job on a simulated pool with embedded defaults: a first snapshot, a day of
 * changes, a second snapshot, and what can be seen then. Of the environment it takes MIRROR_HOME
 * and LOG_LEVEL alone: a demo must not reach a real database, archive or account.
 */
export async function runDemo(signal: AbortSignal): Promise<void> {
  const { MIRROR_HOME, LOG_LEVEL = 'warn' } = process.env;
  const config = loadConfig({
    LOG_LEVEL,
    MIRROR_USER_LIST_RPS: NO_QUOTA_RPS,
    MIRROR_QUOTA_SHARE: '1',
    ...(MIRROR_HOME !== undefined && { MIRROR_HOME }),
  });
  await say(`Starting the embedded Postgres in ${config.home} …`);
  const mirror = await openMirrorDatabase(config, signal);
  try {
    // Each run gets a pool, and an account with a quota, of its own: two at once do not meet.
    const claim = await reservePoolId(mirror.databaseUrl, (i) =>
      i === 0 ? POOL : `${POOL}${i + 1}`,
    );
    try {
      await onSimulatedPool({ ...config, pools: [claim.poolId] }, claim.index, signal);
      await showResults(config, mirror.databaseUrl, claim.poolId);
    } finally {
      await claim.release();
    }
  } finally {
    await mirror.close();
  }
}

async function onSimulatedPool(config: Config, index: number, signal: AbortSignal): Promise<void> {
  const [poolId = POOL] = config.pools;
  const region = parseRegion(poolId);
  await say(
    `Starting the simulator with ${formatCount(USERS)} users and ${GROUPS} groups in ${poolId} …`,
  );
  const simulator = await startSimulatorProcess([
    ...['--port', '0', '--rps', '0', '--pool', poolId],
    ...['--users', String(USERS), '--groups', String(GROUPS)],
    ...['--account', String(100_000_000_000 + index)],
  ]);
  try {
    useSimulator(simulator.url);
    await say('\nThe first snapshot:');
    await takeSnapshot(config, signal);
    await say('\nA day passes in the pool:');
    for (const change of await changePool(poolId, region)) {
      await say(wrap('  ', change, outputWidth()).join('\n'));
    }
    await say('\nThe second snapshot:');
    await takeSnapshot(config, signal);
  } finally {
    await simulator.stop();
  }
}

/** Points the SDK at the simulator, and away from any account that the environment knows. */
function useSimulator(url: string): void {
  delete process.env.AWS_PROFILE;
  delete process.env.AWS_SESSION_TOKEN;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: url,
    AWS_ACCESS_KEY_ID: 'simulated',
    AWS_SECRET_ACCESS_KEY: 'simulated',
  });
}

async function takeSnapshot(config: Config, signal: AbortSignal): Promise<void> {
  const log = createLogger({ level: config.logLevel });
  const [outcome] = await mirrorPools(config, log, [], signal);
  if (signal.aborted) throw new InterruptedError('Interrupted: the demo ends here.');
  if (!outcome || outcome.error)
    throw outcome?.error ?? new ResumableError('Nothing was mirrored.');
  await say(describeSnapshot(outcome, outputWidth()).trimEnd());
}

async function say(line: string): Promise<void> {
  await writeOut(`${line}\n`);
}
