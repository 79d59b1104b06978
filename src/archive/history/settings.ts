import type { Moment, SettingDifferences, Span } from '../../model/history.ts';
import { isSettings } from '../manifest.ts';
import { type ArchiveContext, positionOf, withReading } from './context.ts';
import { holdSides } from './differences.ts';
import type { HeldParts } from './part-files.ts';

/** The parts of the settings that differ between two archived states, if both keep settings. */
export async function listSettingDifferences(
  context: ArchiveContext,
  span: Span,
): Promise<SettingDifferences> {
  const { from, to } = span;
  const isKept = keepsSettings(context, to);
  const wasKept = from === null ? isKept : keepsSettings(context, from);
  if (!wasKept || !isKept) return wasKept || isKept ? 'one' : 'none';
  return withReading(context, async (reading) => {
    const { before, after } = await holdSides(context, reading, span, 'settings');
    const rows = await reading.statements.rows<{
      readonly part: string;
      readonly before: string | null;
      readonly after: string | null;
    }>(
      `SELECT part, b.settings AS before, a.settings AS after
       FROM (${selectKept(before)}) AS b FULL JOIN (${selectKept(after)}) AS a USING (part)
       WHERE b.settings IS DISTINCT FROM a.settings ORDER BY part`,
    );
    return rows.map((row) => ({
      part: row.part,
      before: row.before && JSON.parse(row.before),
      after: row.after && JSON.parse(row.after),
    }));
  });
}

function keepsSettings(context: ArchiveContext, at: Moment): boolean {
  return context.snapshots[positionOf(context, at)]?.objects.some(isSettings) ?? false;
}

/** The parts that were read, in this snapshot or an earlier one. */
function selectKept({ table }: HeldParts): string {
  return `SELECT part, settings FROM ${table} WHERE settings IS NOT NULL`;
}
