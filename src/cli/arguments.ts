import { ActionRequiredError } from '../model/errors.ts';
import { isPoolId } from '../model/pool-id.ts';
import { parseSnapshotId, type SnapshotKey } from '../model/snapshot.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/**
 * The seconds of an age such as `90m`, `26h` or `2d`.
 *
 * @throws ConfigurationError where it has another form.
 */
export function parseAge(text: string): number {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN);
  if (seconds > 0) return seconds;
  throw new ActionRequiredError([
    {
      subject: '--max-age',
      problem: `"${text}" is not an age.`,
      remedy: 'Give a number over 0 with its unit, s, m, h or d: such as 90m, 26h or 2d.',
    },
  ]);
}

/**
 * The snapshot that an argument `POOL/SNAPSHOT` names.
 *
 * @throws ConfigurationError where it names none.
 */
export function parseSnapshotArgument(argument: string): SnapshotKey {
  const [poolId = '', id = '', ...more] = argument.split('/');
  const snapshotAt = parseSnapshotId(id);
  if (!isPoolId(poolId) || snapshotAt === null || more.length > 0) {
    throw new ActionRequiredError([
      {
        subject: 'POOL/SNAPSHOT',
        problem: 'names no snapshot.',
        remedy:
          'Give the pool and the snapshot as `status` shows them, such as ' +
          'us-east-1_Ab12Cd34/20261120T020000Z.',
      },
    ]);
  }
  return { poolId, snapshotAt };
}
