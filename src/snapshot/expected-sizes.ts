import type pg from 'pg';
import { FULL_PAGE } from '../cognito/pages.ts';
import type { Pool } from '../model/directory.ts';
import { readExpectedSizes } from '../postgres/store/expected-sizes.ts';
import type { Walk } from '../postgres/store/walks.ts';

/** How many items a snapshot is expected to read. The order, split and stage of walks depend on it. */
export interface ExpectedSizes {
  readonly users: number;
  /** Null if no earlier snapshot shows it. */
  readonly groups: number | null;
  readonly memberships: number | null;
}

/** Reads what to expect of a snapshot, from the last one and the service's estimate. */
export async function estimateSizes(db: pg.Pool, pool: Pool): Promise<ExpectedSizes> {
  const last = await readExpectedSizes(db, pool.poolId);
  return {
    // The estimate may be old, and the last snapshot is: the larger number is safer.
    users: Math.max(pool.estimatedUsers, last.users),
    groups: last.groups || null,
    memberships: last.memberships || null,
  };
}

/** Above this many seconds, reading again what a crash of Postgres lost costs more than WAL does. */
export const LONG_WALKS_S = 20 * 60;

/**
 * True if the walks of a snapshot are expected to take longer than `limitS` seconds: full pages of all
 * users and memberships, at the calls a second that the UserList bucket allows. Before a pool's first
 * snapshot, its memberships are unknown and count as none. Pure.
 */
export function areWalksLong(
  { users, memberships }: Pick<ExpectedSizes, 'users' | 'memberships'>,
  callsASecond: number,
  limitS: number = LONG_WALKS_S,
): boolean {
  return (users + (memberships ?? 0)) / FULL_PAGE / callsASecond > limitS;
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
