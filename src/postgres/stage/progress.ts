import type { WalkKind } from '../../telemetry/snapshot-progress.ts';
import type { Queryable } from '../connection.ts';
import { stageTables } from '../stage-tables.ts';

/** How far the walks of one kind are, by their checkpoints. */
export interface KindProgress {
  readonly kind: WalkKind;
  readonly walks: number;
  readonly walksDone: number;
  readonly items: number;
  /** Items expected of the walks that something is known of; null where nothing is. */
  readonly expected: number | null;
}

/** How far the walks of a stage are; an empty list where the stage is gone. */
export async function stageProgress(db: Queryable, stage: number): Promise<KindProgress[]> {
  const { walks } = stageTables(stage);
  const there = await db.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    walks,
  ]);
  if (!there.rows[0]?.there) return [];
  const kinds = await db.query<KindProgress>(
    `SELECT kind, count(*) AS walks, count(*) FILTER (WHERE state = 'done') AS "walksDone",
       sum(items)::bigint AS items, sum(greatest(expected, items))::bigint AS expected
     FROM ${walks} WHERE state IN ('open', 'done')
     GROUP BY kind ORDER BY array_position(ARRAY['groups', 'users', 'members'], kind)`,
  );
  return kinds.rows;
}
