import type { WalkKind } from '../../telemetry/snapshot-progress.ts';

/**
 * Where a walk stands. `open` walks are still to be read; `done` ones ended on an absent token.
 * The others count for nothing: `split` into walks of longer prefixes, `dropped` with a group that
 * was deleted meanwhile, `superseded` by one serial walk.
 */
export type WalkState = 'open' | 'done' | 'split' | 'dropped' | 'superseded';

/** A walk to be made: what it reads, and how much that is expected to be. */
export interface PlannedWalk {
  readonly kind: WalkKind;
  /**
   * Of a walk over users: the prefix of `sub` that cuts its shard. '' is all users, to be cut where
   * they are many; null is all users in one chain, never to be cut.
   */
  readonly prefix: string | null;
  /** Of a walk over members: the group. */
  readonly groupName: string | null;
  /** Items expected; null where nothing is known. */
  readonly expected: number | null;
}

/** A walk and its checkpoint. */
export interface Walk extends PlannedWalk {
  readonly id: number;
  readonly state: WalkState;
  /** How often it was begun: rows of an earlier attempt are ignored. */
  readonly attempt: number;
  /** How often it was taken in hand: an earlier holder can commit nothing more. */
  readonly claim: number;
  /** The token of the next page; null at the start, and once the walk is done. */
  readonly token: string | null;
  readonly pages: number;
  readonly items: number;
  /** Why it was given up, where it was, until it is taken in hand again. */
  readonly failure: string | null;
}

/** The columns of a table of walks `AS w`, in the form of `Walk`. */
export const WALK_COLUMNS = `w.id, w.kind, w.prefix, w.group_name AS "groupName", w.expected,
  w.state, w.attempt, w.claim, w.token, w.pages, w.items, w.failure`;
