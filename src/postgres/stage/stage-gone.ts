import { FencedError } from '../../model/errors.ts';
import type { Run } from '../run.ts';

/** SQLSTATE of a table that is not there. */
const UNDEFINED_TABLE = '42P01';

/** What an error means whose cause is that the snapshot was ended, and its stage dropped. */
export function explainStageGone(error: unknown, run: Run): unknown {
  const { code, message } = error as { code?: unknown; message?: string };
  if (code !== UNDEFINED_TABLE || !message?.includes(`stage_${run.stage}_`)) return error;
  return new FencedError(
    `The snapshot of ${run.poolId} was ended by another process, such as \`discard\`; this one stops.`,
  );
}

/** The rows of a query; none where the snapshot was ended, and the stage dropped, since its look-up. */
export async function rowsOfStage<Row>(query: Promise<{ rows: Row[] }>): Promise<Row[]> {
  try {
    return (await query).rows;
  } catch (error) {
    if ((error as { code?: unknown }).code === UNDEFINED_TABLE) return [];
    throw error;
  }
}
