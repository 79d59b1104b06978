import { ConfigurationError } from '../model/errors.ts';
import { isPoolId } from '../model/pool-id.ts';
import { parseSnapshotId, type SnapshotKey } from '../model/snapshot.ts';

/**
 * The snapshot that an argument `POOL/SNAPSHOT` names.
 *
 * @throws ConfigurationError where it names none.
 */
export function parseSnapshotArgument(argument: string): SnapshotKey {
  const [poolId = '', id = '', ...more] = argument.split('/');
  const snapshotAt = parseSnapshotId(id);
  if (!isPoolId(poolId) || snapshotAt === null || more.length > 0) {
    throw new ConfigurationError([
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
