import type { WalkKind } from '../../telemetry/snapshot-progress.ts';
import type { Queryable } from '../connection.ts';
import { stageTables } from '../stage-tables.ts';
import { rowsOfStage } from './stage-gone.ts';

/** How far the walks of one kind are, by their checkpoints. */
export interface KindProgress {
  readonly kind: WalkKind;
  readonly walks: number;
  readonly walksDone: number;
  /** Walks that have read a page, and are to read more. */
  readonly walksInProgress: number;
  readonly items: number;
  /**
   * Items expected in all: of walks that nothing is known of, as many each as of the others on
   * average. Null where nothing is known of any, or more than that was read and walks are still open.
   */
  readonly expected: number | null;
  /** When the last page was asked for; null before the first. */
  readonly readAt: Date | null;
}

/** How far one walk is. It holds no group's name: those can be personal. */
export interface WalkProgress {
  readonly id: number;
  readonly kind: WalkKind;
  /** Of a walk over users: the prefix of `sub` that it reads; '' and null are all users. */
  readonly prefix: string | null;
  readonly attempt: number;
  readonly pages: number;
  readonly items: number;
  /** Items expected of it; null where nothing is known. */
  readonly expected: number | null;
  /** When its last page was asked for. */
  readonly readAt: Date;
}

/** How far the walks of a stage are, kind by kind; an empty list where the stage is gone. */
export function stageProgress(db: Queryable, stage: number): Promise<KindProgress[]> {
  const { walks } = stageTables(stage);
  return rowsOfStage(
    db.query<KindProgress>(
      `SELECT kind, walks, "walksDone", "walksInProgress", items,
         CASE WHEN about > items OR walks = "walksDone" THEN about END AS expected, "readAt"
       FROM (
         SELECT kind, count(*) AS walks, count(*) FILTER (WHERE state = 'done') AS "walksDone",
           count(*) FILTER (WHERE state = 'open' AND pages > 0) AS "walksInProgress",
           sum(items)::bigint AS items,
           ceil(sum(size) + avg(size) * count(*) FILTER (WHERE size IS NULL))::bigint AS about,
           max(token_at) AS "readAt"
         FROM ${walks} CROSS JOIN LATERAL (
           SELECT CASE
             WHEN state = 'done' THEN items
             WHEN expected IS NOT NULL THEN greatest(expected, items)
           END AS size
         ) AS known
         WHERE state IN ('open', 'done')
         GROUP BY kind
       ) AS kinds
       ORDER BY array_position(ARRAY['groups', 'users', 'members'], kind)`,
    ),
  );
}

/**
 * The walks of a stage that are in progress, at most `limit`, those with most left to read first; an
 * empty list where the stage is gone.
 */
export function walksInProgress(
  db: Queryable,
  stage: number,
  limit: number,
): Promise<WalkProgress[]> {
  const { walks } = stageTables(stage);
  return rowsOfStage(
    db.query<WalkProgress>(
      `SELECT id, kind, prefix, attempt, pages, items, expected, token_at AS "readAt"
       FROM ${walks} WHERE state = 'open' AND pages > 0
       ORDER BY greatest(expected - items, 0) DESC, items DESC, id LIMIT $1`,
      [limit],
    ),
  );
}
