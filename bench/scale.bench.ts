import { test } from 'vitest';
import { type Figures, report } from './support/figures.ts';
import { type Attempt, openLab } from './support/lab.ts';

const SMALLEST = 1_000;
const SIZES = [SMALLEST, 10_000, 100_000, 1_000_000];

/** As eight account-Regions, each with its own quota. */
const REGIONS = [
  ...['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2'],
  ...['eu-west-1', 'eu-central-1', 'ap-south-1', 'sa-east-1'],
];
const RATE = 30;
const SECONDS = 60;

/** Time against users, with the quota lifted, and how many account-Regions one machine keeps up. */
test('scale', async () => {
  const cases: Record<string, Figures> = {};
  let least = 0;
  for (const users of SIZES) {
    const { seconds, figures } = await ofSize(users);
    least ||= seconds;
    cases[`${users.toLocaleString('en')} users`] = {
      ...figures,
      // Without what any run takes, however small.
      ...(users > SMALLEST && {
        'µs for each user over 1,000': ((seconds - least) / (users - SMALLEST)) * 1e6,
      }),
    };
  }
  for (const regions of [1, 2, 4, 8]) {
    cases[`${regions} account-Regions`] = await sideBySide(REGIONS.slice(0, regions));
  }
  await report('scale', cases);
}, 1_800_000);

async function ofSize(users: number): Promise<{ seconds: number; figures: Figures }> {
  const lab = await openLab(['--users', String(users), '--groups', '40', '--rps', '0']);
  try {
    const { seconds, steps } = await lab.sync();
    const { walk, check, publish, archive } = steps;
    return {
      seconds,
      figures: {
        'seconds in all': seconds,
        'µs a user, in all': (seconds / users) * 1e6,
        'µs a user, walk': (walk.seconds / users) * 1e6,
        'µs a user, check and publish': ((check.seconds + publish.seconds) / users) * 1e6,
        'µs a user, archive': (archive.seconds / users) * 1e6,
      },
    };
  } finally {
    await lab.close();
  }
}

async function sideBySide(regions: readonly string[]): Promise<Figures> {
  const pools = regions.map((region) => `${region}_Simulated`);
  const lab = await openLab([
    ...['--users', String(RATE * SECONDS * 60), '--groups', '0'],
    ...['--rps', String(RATE), '--latency-ms', '200'],
    ...pools.flatMap((pool) => ['--pool', pool]),
  ]);
  try {
    const { seconds } = await lab.sync({
      COGNITO_POOLS: pools.join(','),
      MIRROR_USER_LIST_RPS: String(RATE),
      ARCHIVE_FORMATS: 'jsonl',
    });
    const attempts = await lab.listAttempts();
    const rates = pools.map((pool) => rateOf(attempts.filter(({ poolId }) => poolId === pool)));
    const throttled = attempts.filter(({ outcome }) => outcome === 'throttled').length;
    return {
      'seconds in all': seconds,
      'of the ceiling, the slowest': Math.min(...rates) / RATE,
      'of the ceiling, the fastest': Math.max(...rates) / RATE,
      'throttled, of all': throttled / attempts.length,
    };
  } finally {
    await lab.close();
  }
}

/** Attempts a second from the second second to the last but one. */
function rateOf(attempts: readonly Attempt[]): number {
  const from = (attempts[0]?.at ?? 0) + 1_000;
  const to = (attempts.at(-1)?.at ?? 0) - 1_000;
  return (attempts.filter(({ at }) => at >= from && at < to).length / (to - from)) * 1_000;
}
