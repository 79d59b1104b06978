import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mirror } from '../../index.ts';
import { commandHint, commandLine } from '../command-line.ts';
import { printTable } from '../display/query-result.ts';
import { writeOut } from '../output.ts';

/** Questions that the mirror answers, shown with their SQL. */
const QUERIES = (poolId: string): [what: string, sql: string][] => [
  [
    'What the second snapshot changed:',
    `SELECT entity, kind, count(DISTINCT key),
  string_agg(DISTINCT field, ', ') AS fields
FROM directory.changes LEFT JOIN unnest(fields) AS field ON true
WHERE pool_id = '${poolId}'
GROUP BY entity, kind ORDER BY entity, kind`,
  ],
  [
    'Users by status and sign-in:',
    `SELECT status, enabled, count(*),
  count(*) FILTER (WHERE email_verified) AS verified_email
FROM directory.users WHERE pool_id = '${poolId}'
GROUP BY status, enabled ORDER BY count(*) DESC LIMIT 6`,
  ],
  [
    'Groups by how many left them, with their members:',
    `SELECT g.group_name, g.precedence, count(DISTINCT m.username) AS members,
  count(DISTINCT h.username) AS left_since
FROM directory.groups AS g
LEFT JOIN directory.memberships AS m USING (pool_id, group_name)
LEFT JOIN directory.membership_history AS h USING (pool_id, group_name)
WHERE pool_id = '${poolId}'
GROUP BY g.group_name, g.precedence
ORDER BY left_since DESC, members DESC LIMIT 5`,
  ],
];

/** Shows what the demo made, and what to do next. */
export async function showResults(
  mirror: Mirror,
  archiveUrl: string,
  poolId: string,
): Promise<void> {
  for (const [what, sql] of QUERIES(poolId)) {
    await writeOut(`\n${what}\n\n  ${sql.replaceAll('\n', '\n  ')}\n\n`);
    await mirror.query(sql, printTable);
  }
  const archive = fileURLToPath(archiveUrl);
  await writeOut(`\nThe archive, in ${archive}:\n\n`);
  for (const line of await listTree(archive, poolId)) await writeOut(`  ${line}\n`);
  await writeOut(`
Any engine reads these as one table, such as DuckDB:
  SELECT snapshot, count(*) FROM read_parquet('${archive.replaceAll("'", "''")}/parquet/users/**/*.parquet', hive_partitioning = true) GROUP BY snapshot;

To see it in a browser:
  ${hint(['dashboard'])}

To continue (\`db\` keeps this Postgres up and prints its URL for psql):
  ${hint(['status'])}
  ${hint(['query', 'SELECT username, email FROM directory.users LIMIT 10'])}
  ${hint(['db'])}

A real pool, with AWS credentials that may read it (docs/IAM.md has the policy):
  ${commandHint(['sync', 'us-east-1_Ab12Cd34'])}
`);
}

/** The demo's database is the embedded one, even if DATABASE_URL names another. */
function hint(args: readonly string[]): string {
  return `${process.env.DATABASE_URL ? 'DATABASE_URL= ' : ''}${commandLine(args)}`;
}

/** The pool's files below the archive's folder: the folders of the pool, with what is in each. */
async function listTree(archive: string, poolId: string): Promise<string[]> {
  const folder = `pool_id=${poolId}/`;
  const files = await listFiles(archive, folder);
  const split = files.map((file) => {
    const at = file.indexOf(folder) + folder.length;
    return { above: file.slice(0, at), below: file.slice(at) };
  });
  return split.flatMap(({ above, below }, index) =>
    split[index - 1]?.above === above ? [`  ${below}`] : [above, `  ${below}`],
  );
}

/** The files that lie in a folder of this name, sorted, relative to the archive. */
async function listFiles(archive: string, folder: string): Promise<string[]> {
  const entries = await readdir(archive, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(relative(archive, entry.parentPath), entry.name))
    .filter((file) => file.includes(folder))
    .sort();
}
