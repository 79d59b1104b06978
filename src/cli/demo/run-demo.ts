import { formatCount } from '../../common/text.ts';
import {
  createMirror,
  InterruptedError,
  loadOptions,
  type Mirror,
  ResumableError,
} from '../../index.ts';
import { describeSnapshot } from '../display/snapshot-summary.ts';
import { wrap } from '../display/text-width.ts';
import { outputWidth, writeOut } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { takeSnapshots } from '../take-snapshots.ts';
import { CREDENTIALS, changePool } from './change-pool.ts';
import { showResults } from './show-results.ts';
import { startSimulatorProcess } from './simulator-process.ts';

const USERS = 20_000;
const GROUPS = 40;
/** Not the pool of the command `simulator`: both may use the same MIRROR_HOME. */
const POOL = 'us-east-1_Demo';

/** More than the simulator can answer: its pool has no quota. */
const NO_QUOTA = { share: 1, userListRps: 100_000 };

/**
 * Shows the main job on a simulated pool with embedded defaults: a first snapshot, a day of changes, a
 * second snapshot, and the result. It reads only MIRROR_HOME and LOG_LEVEL, as a demo must not reach a
 * real database, archive or account.
 */
export async function runDemo(signal: AbortSignal): Promise<void> {
  const { MIRROR_HOME, LOG_LEVEL = 'warn' } = process.env;
  const options = await loadOptions({ MIRROR_HOME, LOG_LEVEL });
  await withMirror({ ...options, quotas: NO_QUOTA }, async (mirror) => {
    await say(`Starting the embedded Postgres in ${options.home} …`);
    // Each run has its own pool, and its own account with its own quota.
    const candidate = (index: number) => (index === 0 ? POOL : `${POOL}${index + 1}`);
    const reservation = await mirror.reservePoolId(candidate, { signal });
    const { poolId, index } = reservation;
    try {
      await say(
        `Starting the simulator with ${formatCount(USERS)} users and ${GROUPS} groups in ${poolId} …`,
      );
      const simulator = await startSimulatorProcess([
        ...['--port', '0', '--rps', '0', '--pool', poolId],
        ...['--users', String(USERS), '--groups', String(GROUPS)],
        ...['--account', String(100_000_000_000 + index)],
      ]);
      const simulated = await createMirror({
        ...options,
        quotas: NO_QUOTA,
        credentials: CREDENTIALS,
        endpoints: { cognito: simulator.url },
      });
      try {
        await takeTwoSnapshots(simulated, simulator.url, poolId, signal);
      } finally {
        await simulated.close();
        await simulator.stop();
      }
      await showResults(mirror, options.archiveUrl, poolId);
    } finally {
      await reservation.release();
    }
  });
}

async function takeTwoSnapshots(
  mirror: Mirror,
  url: string,
  poolId: string,
  signal: AbortSignal,
): Promise<void> {
  await say('\nThe first snapshot:');
  await takeSnapshot(mirror, poolId, signal);
  await say('\nA day passes in the pool:');
  for (const change of await changePool(url, poolId)) {
    await say(wrap('  ', change, outputWidth()).join('\n'));
  }
  await say('\nThe second snapshot:');
  await takeSnapshot(mirror, poolId, signal);
}

async function takeSnapshot(mirror: Mirror, poolId: string, signal: AbortSignal): Promise<void> {
  const [outcome] = await takeSnapshots(mirror, [poolId], [], signal);
  if (signal.aborted) throw new InterruptedError('Interrupted: the demo ends here.');
  if (!outcome || outcome.error) {
    throw outcome?.error ?? new ResumableError('Nothing was mirrored.');
  }
  await say(describeSnapshot(outcome, outputWidth()).trimEnd());
}

async function say(line: string): Promise<void> {
  await writeOut(`${line}\n`);
}
