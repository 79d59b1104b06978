import { join } from 'node:path';
import { test } from 'vitest';
import { createMirror } from '../src/index.ts';
import { startCli } from '../test/support/cli.ts';
import { createTestDatabase, runSql } from '../test/support/postgres.ts';
import { temporaryFolder } from '../test/support/temp.ts';
import { report } from './support/figures.ts';
import { ProcessWatch } from './support/process-watch.ts';
import { SUB, selectAttributes } from './support/user-sql.ts';

const POOL = 'us-east-1_History';
const USERS = 1_000_000;
const ASKED = 20;

/** Three snapshots: every user changes with the second one, every fiftieth with the third. */
const SNAPSHOTS = ['2026-11-20', '2026-11-21', '2026-11-22'].map((day) => `${day}T02:00:00Z`);
const [FIRST = '', SECOND = '', THIRD = ''] = SNAPSHOTS;

/** What questions about the history of a million users take. */
test('history', async () => {
  const database = await createTestDatabase();
  try {
    await fill(database.url);
    const diff = (from: string, to: string) =>
      measureCommand(database.url, ['diff', POOL, from, to, '--json']);
    const folder = await temporaryFolder();
    const makeReport = (from: string, to: string) => {
      const out = join(folder.path, `${from.slice(0, 10)}.html`);
      return measureCommand(database.url, [
        'report',
        POOL,
        '--from',
        from,
        '--to',
        to,
        '--out',
        out,
      ]);
    };
    await report('history', {
      'diff, 2 % changed': await diff(SECOND, THIRD),
      'diff, all changed': await diff(FIRST, SECOND),
      'report, 2 % changed, without an archive': await makeReport(SECOND, THIRD),
      'report, all changed, without an archive': await makeReport(FIRST, SECOND),
      'access, 13,000 members': await measureCommand(database.url, [
        'access',
        POOL,
        'g5',
        '--json',
      ]),
      'one user': await measureQuestions(database.url),
    });
    await folder.remove();
  } finally {
    await database.drop();
  }
}, 1_800_000);

async function measureCommand(databaseUrl: string, args: readonly string[]) {
  const started = Date.now();
  const { child, result } = await startCli(args, { env: { DATABASE_URL: databaseUrl } });
  const watch = new ProcessWatch(child.pid as number);
  const { code, stdout, stderr } = await result;
  watch.stop();
  if (code !== 0) throw new Error(`${args[0]} ended with ${code}: ${stderr}`);
  return {
    seconds: (Date.now() - started) / 1000,
    'peak MB of the program': watch.peakBytes() / 1e6,
    'MB printed': stdout.length / 1e6,
  };
}

/** Each question has a connection of its own. */
async function measureQuestions(databaseUrl: string) {
  const mirror = await createMirror({ databaseUrl });
  const median = async (ask: (user: string) => Promise<unknown>) => {
    const times: number[] = [];
    for (let n = 1; n <= ASKED; n += 1) {
      const started = performance.now();
      await ask(`User.${n * 40_000}@example.com`);
      times.push(performance.now() - started);
    }
    return times.toSorted((a, b) => a - b)[ASKED / 2] as number;
  };
  try {
    return {
      'history: ms, connecting included': await median((user) => mirror.history(POOL, user)),
      'access: ms, connecting included': await median((user) => mirror.accessOfUser(POOL, user)),
    };
  } finally {
    await mirror.close();
  }
}

/** Rows as publications leave them, which would take many times as long. */
async function fill(databaseUrl: string): Promise<void> {
  const name = `CASE WHEN n % 5 = 1 THEN 'Google_' || n - 1 ELSE ${SUB} END`;
  const users = (table: string, mail: string, status: string, periods: string, of: string) =>
    `INSERT INTO directory.${table} (pool_id, username, sub, status, enabled, created_at, modified_at,
       attributes, escaped, ${table === 'users' ? 'valid_from' : 'valid_from, valid_to'})
     SELECT '${POOL}', ${name}, ${SUB}, '${status}', true, '${FIRST}', '${FIRST}', ${selectAttributes(mail)},
       '{}', ${periods}
     FROM generate_series(1, ${USERS}) AS n WHERE ${of} ORDER BY 2`;
  const members = (table: string, periods: string, of: string) =>
    `INSERT INTO directory.${table}
     SELECT DISTINCT '${POOL}', 'g' || n % g, ${name}, ${SUB}, ${periods}
     FROM generate_series(1, ${USERS}) AS n, unnest(ARRAY[97, 200]) AS g WHERE ${of}`;
  const statements = [
    ...SNAPSHOTS.map(
      (at) => `INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, state, published_at)
        VALUES ('${POOL}', '${at.replaceAll(/[-:]/g, '')}', '${at}', 'archived', '${at}')`,
    ),
    users('user_history', '.first@example.com', 'UNCONFIRMED', `'${FIRST}', '${SECOND}'`, 'true'),
    users(
      'user_history',
      '.second@example.com',
      'CONFIRMED',
      `'${SECOND}', '${THIRD}'`,
      'n % 50 = 0',
    ),
    users(
      'users',
      '@example.com',
      'CONFIRMED',
      `CASE n % 50 WHEN 0 THEN '${THIRD}' ELSE '${SECOND}' END::timestamptz`,
      'true',
    ),
    `INSERT INTO directory.groups (pool_id, group_name, precedence, role_arn, escaped, valid_from)
     SELECT '${POOL}', 'g' || n, n % 10, 'arn:aws:iam::1:role/' || n % 7, '{}', '${FIRST}'
     FROM generate_series(0, 199) AS n`,
    members('membership_history', `'${FIRST}'::timestamptz, '${SECOND}'::timestamptz`, 'n % 3 = 0'),
    members('memberships', `'${SECOND}'::timestamptz`, 'g = 200 OR n % 5 < 4'),
    `UPDATE directory.snapshots AS s SET users = ${USERS}, groups = 200, memberships = (
       SELECT count(*) FROM directory.memberships_at('${POOL}', s.snapshot_at)
     )`,
    'ANALYZE',
  ];
  for (const statement of statements) await runSql(databaseUrl, statement);
}
