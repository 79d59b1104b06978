import { type ArchiveContext, withReading } from './context.ts';

/**
 * Finds the names that no user of any snapshot has as attributes. It reads the newest snapshot first,
 * so that only an unknown name costs reading all.
 */
export async function findUnknownAttributes(
  context: ArchiveContext,
  names: readonly string[],
): Promise<string[]> {
  const last = context.snapshots.length - 1;
  return withReading(context, async (reading) => {
    let unknown = [...names];
    for (let position = last; position >= 0 && unknown.length > 0; position -= 1) {
      if (position < last && reading.isSame(position, 'users')) continue;
      unknown = await reading.using(position, 'users', async (table) => {
        const absent: string[] = [];
        for (const name of unknown) {
          const sql = `SELECT 1 FROM ${table} WHERE attributes[$1] IS NOT NULL LIMIT 1`;
          const found = await reading.statements.rows(sql, [name]);
          if (found.length === 0) absent.push(name);
        }
        return absent;
      });
    }
    return unknown;
  });
}
