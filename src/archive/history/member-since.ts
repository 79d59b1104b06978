import type { ArchiveContext, Reading } from './context.ts';

/**
 * Makes the table `member`: the memberships of a snapshot, each with the position of the first snapshot
 * that has it without a break. It walks back while any of them is found.
 *
 * @param condition which memberships, as SQL on their columns
 */
export async function createMembers(
  reading: Reading,
  position: number,
  condition: string,
): Promise<void> {
  const { statements } = reading;
  const select = (table: string) =>
    `SELECT group_name, username, sub FROM ${table} WHERE ${condition}`;
  await reading.using(position, 'memberships', (table) =>
    statements.run(
      `CREATE TEMP TABLE member AS SELECT *, ${position} AS since FROM (${select(table)})`,
    ),
  );
  for (let earlier = position - 1; earlier >= 0; earlier -= 1) {
    const update = `UPDATE member SET since = ${earlier}`;
    const isOpen = `member.since = ${earlier + 1}`;
    const found = reading.isSame(earlier, 'memberships')
      ? await statements.run(`${update} WHERE ${isOpen}`)
      : await reading.using(earlier, 'memberships', (table) =>
          statements.run(
            `${update} FROM (${select(table)}) AS m
             WHERE ${isOpen} AND m.group_name = member.group_name
               AND m.username = member.username AND m.sub IS NOT DISTINCT FROM member.sub`,
          ),
        );
    if (found === 0) return;
  }
}

/** The time of a position in `member`. */
export function sinceOf({ snapshots }: ArchiveContext, position: number): Date {
  return (snapshots[position] as (typeof snapshots)[number]).snapshotAt;
}
