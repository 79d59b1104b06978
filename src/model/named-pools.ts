import type { Pool } from './directory.ts';
import { isPoolId } from './pool-id.ts';

/** A pool that was mirrored. */
export type KnownPool = Pick<Pool, 'poolId' | 'name' | 'region' | 'accountId'>;

/** The pools that the service lists for the credentials in use, in one Region. */
export interface PoolListing {
  readonly region: string;
  readonly pools: readonly { readonly poolId: string; readonly name: string }[];
}

/**
 * The ids of the pools that a name means, sorted: those that the account lists, and mirrored ones that its
 * list cannot have, because they are of another Region or account. A mirrored pool that is no longer
 * listed counts only if no listed one has the name: it was probably deleted and created again.
 *
 * @param known the mirrored pools of this name
 * @param listing null if the account was not asked, or does not answer
 * @param accountOf the account of a listed pool; null if it is not known, so that the name stays ambiguous
 */
export async function findIdsOfName(
  name: string,
  known: readonly KnownPool[],
  listing: PoolListing | null,
  accountOf: (poolId: string) => Promise<string | null>,
): Promise<string[]> {
  const listed = listing?.pools ?? [];
  const current = listed.filter((pool) => pool.name === name).map(({ poolId }) => poolId);
  // One that is listed under another name was renamed.
  const unlisted = known.filter(
    (pool) => pool.name === name && !listed.some(({ poolId }) => poolId === pool.poolId),
  );
  const [first] = current;
  const isHere = (pool: KnownPool) => first !== undefined && pool.region === listing?.region;
  const account = first !== undefined && unlisted.some(isHere) ? await accountOf(first) : null;
  const others = unlisted.filter((pool) => !isHere(pool) || pool.accountId !== account);
  const ids = [...current, ...others.map(({ poolId }) => poolId)].sort();
  // Emulators of the service give ids such as local_1, which look like names.
  return ids.length === 0 && isPoolId(name) ? [name] : ids;
}
