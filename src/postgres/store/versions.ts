import type { Dataset } from '../../model/snapshot.ts';

/** The table of each dataset's closed versions. */
export const HISTORIES: Record<Dataset, string> = {
  users: 'user_history',
  groups: 'group_history',
  memberships: 'membership_history',
};

/** A pool and two times of its published snapshots, as SQL: parameters or literals. */
export interface VersionSpan {
  readonly pool: string;
  readonly from: string;
  readonly to: string;
}

/** The rows of a dataset that only one of two states has, and perhaps some that both have, as SQL. */
export interface Sides {
  readonly before: string;
  readonly after: string;
}

/**
 * Selects what differs between two published states of a pool. It reads only versions that began or
 * ended in between, through their indexes.
 */
export function selectSides(
  dataset: Dataset,
  columns: string,
  { pool, from, to }: VersionSpan,
): Sides {
  const history = `SELECT ${columns} FROM directory.${HISTORIES[dataset]} WHERE pool_id = ${pool}`;
  return {
    before: `${history} AND valid_from <= ${from} AND valid_to > ${from} AND valid_to <= ${to}`,
    after: `SELECT ${columns} FROM directory.${dataset}
      WHERE pool_id = ${pool} AND valid_from > ${from} AND valid_from <= ${to}
      UNION ALL ${history} AND valid_from > ${from} AND valid_from <= ${to} AND valid_to > ${to}`,
  };
}
