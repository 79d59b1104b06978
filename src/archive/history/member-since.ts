import type { ArchiveContext, Reading } from './context.ts';

/**
 * Makes the table `member`: the memberships of a snapshot, each with the position of the first snapshot
 * that has it without a break. It walks back while any of them is found. Rows are only ever added to a
 * table, as DuckDB keeps updates in memory and lets tables spill.
 *
 * @param condition which memberships, as SQL on their columns
 */
export async function createMembers(
  reading: Reading,
  position: number,
  condition: string,
): Promise<void> {
  const { statements } = reading;
  const columns = 'group_name, username, sub';
  const select = (table: string) => `SELECT ${columns} FROM ${table} WHERE ${condition}`;
  await statements.run(
    'CREATE TEMP TABLE member (group_name VARCHAR, username VARCHAR, sub VARCHAR, since INTEGER)',
  );
  await reading.using(position, 'memberships', (table) =>
    statements.run(`CREATE TEMP TABLE followed AS ${select(table)}`),
  );
  let since = position;
  for (let rest = 1; since > 0 && rest > 0; since -= 1) {
    if (reading.isSame(since - 1, 'memberships')) continue;
    rest = await reading.using(since - 1, 'memberships', async (table) => {
      const isThere = `(${select(table)}) AS earlier
        ON earlier.group_name = followed.group_name AND earlier.username = followed.username
          AND earlier.sub IS NOT DISTINCT FROM followed.sub`;
      const started = await statements.run(
        `INSERT INTO member SELECT ${columns}, ${since} FROM followed ANTI JOIN ${isThere}`,
      );
      if (started === 0) return rest;
      await statements.run(
        `CREATE TEMP TABLE rest (group_name VARCHAR, username VARCHAR, sub VARCHAR)`,
      );
      const going = await statements.run(
        `INSERT INTO rest SELECT ${columns} FROM followed SEMI JOIN ${isThere}`,
      );
      await statements.run('DROP TABLE followed');
      await statements.run('ALTER TABLE rest RENAME TO followed');
      return going;
    });
  }
  await statements.run(`INSERT INTO member SELECT ${columns}, ${since} FROM followed`);
  await statements.run('DROP TABLE followed');
}

/** The time of a position in `member`. */
export function sinceOf({ snapshots }: ArchiveContext, position: number): Date {
  return (snapshots[position] as (typeof snapshots)[number]).snapshotAt;
}
