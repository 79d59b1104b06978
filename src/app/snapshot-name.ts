import { ActionRequiredError } from '../model/errors.ts';
import { isPoolId, POOL_REMEDY, poolIdProblem } from '../model/pool-id.ts';
import { parseSnapshotId, type SnapshotKey } from '../model/snapshot.ts';

/**
 * Parses the name of a snapshot, `POOL/SNAPSHOT`.
 *
 * @throws ActionRequiredError if it has another form
 */
export function parseSnapshotName(name: string): SnapshotKey {
  const [poolId = '', id = '', ...more] = name.split('/');
  const snapshotAt = parseSnapshotId(id);
  if (isPoolId(poolId) && snapshotAt !== null && more.length === 0) return { poolId, snapshotAt };
  throw new ActionRequiredError([
    {
      subject: 'POOL/SNAPSHOT',
      problem: 'is not the name of a snapshot.',
      remedy:
        'Give the pool and the snapshot as `status` shows them, such as ' +
        'us-east-1_Ab12Cd34/20261120T020000Z.',
    },
  ]);
}

/**
 * Splits `POOL/POINT`, in which the pool may be an ARN; null for a text of another form, such as a path.
 */
export function splitPoolPoint(text: string): { pool: string; point: string } | null {
  const [, pool, point] =
    /^(arn:[^/]+:userpool\/[^/]+)\/([^/]+)$/.exec(text) ??
    /^([^./~][^/]*)\/([^/]+)$/.exec(text) ??
    [];
  return pool === undefined || point === undefined || point.endsWith('.json')
    ? null
    : { pool, point };
}

/**
 * @param subject the argument that gives them, for messages
 * @throws ActionRequiredError if a text is not a pool id
 */
export function requirePoolIds(poolIds: readonly string[], subject = 'POOL'): void {
  const wrong = poolIds.filter((poolId) => !isPoolId(poolId));
  if (wrong.length === 0) return;
  throw new ActionRequiredError(
    wrong.map((poolId) => ({
      subject,
      problem: poolIdProblem(poolId),
      remedy: POOL_REMEDY,
    })),
  );
}
