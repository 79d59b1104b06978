import type pg from 'pg';
import type { Pool } from '../model/directory.ts';
import { readExpectedSizes } from '../postgres/store/expected-sizes.ts';
import type { SnapshotLease } from '../postgres/store/leases.ts';
import type { Walk } from '../postgres/store/walks.ts';

/** How many items a snapshot is expected to read. The order and the split of walks depend on it. */
export interface ExpectedSizes {
  readonly users: number;
  /** Null if no earlier snapshot shows it. */
  readonly groups: number | null;
  readonly memberships: number | null;
}

/** Reads what to expect of a snapshot, from the last one and the service's estimate. */
export async function estimateSizes(
  db: pg.Pool,
  lease: SnapshotLease,
  pool: Pool,
): Promise<ExpectedSizes> {
  const last = await readExpectedSizes(db, lease);
  return {
    // The estimate may be old, and the last snapshot is: the larger number is safer.
    users: Math.max(pool.estimatedUsers, last.users),
    groups: last.groups || null,
    memberships: last.memberships || null,
  };
}

/**
 * How many items a walk still has to read. The longest walk must start first and wait least, because
 * its chain cannot be sped up. A walk of unknown length may hold the whole pool.
 */
export function estimateRemaining(walk: Walk, expected: ExpectedSizes): number {
  // The walk over groups finds the other walks: nothing may go before it.
  if (walk.kind === 'groups') return Number.MAX_SAFE_INTEGER;
  return Math.max((walk.expected ?? expected.users) - walk.items, 0);
}
