import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openEmbeddedPostgres } from '../../src/postgres/embedded/open.ts';
import { startSimulator } from '../../src/simulator/server.ts';
import { type CliResult, hint, runCli, startCli } from '../support/cli.ts';
import { filesBelow, reportsOf, serviceEnv, stopEmbedded } from '../support/cli-mirror.ts';
import { runSql } from '../support/postgres.ts';
import { temporaryFolder } from '../support/temp.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let home: string;
const runs: CliResult[] = [];

/** Starts a demo. Variables of a user's own, which it must not touch, lead where nothing is. */
const startDemo = () =>
  startCli(['demo'], {
    cwd: folder.path,
    env: {
      HOME: folder.path,
      TMPDIR: folder.path,
      MIRROR_HOME: home,
      DATABASE_URL: 'postgres://127.0.0.1:1/never',
      ARCHIVE_URL: 's3://never',
      COGNITO_POOLS: 'us-east-1_Never',
      AWS_PROFILE: 'never',
    },
  });
const demo = async () => (await startDemo()).result;

beforeAll(async () => {
  folder = await temporaryFolder();
  home = join(folder.path, 'home');
  runs.push(...(await Promise.all([demo(), demo()])));
  runs.push(await demo());
});

afterAll(async () => {
  await stopEmbedded(home);
  await folder.remove();
});

it('ends well, twice at once in one home, and once more later', () => {
  for (const { code, stderr } of runs) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

it('shows what the database holds that it leaves behind', async () => {
  const postgres = await openEmbeddedPostgres(home);
  try {
    const shown = runs.flatMap(({ stdout }) => [
      ...stdout.matchAll(
        /^(\S+) {2}snapshot (\S+): archived\n {2}([\d,]+) users, (\d+) groups, ([\d,]+) memberships\n {2}users: ([\d,]+) added, ([\d,]+) modified, ([\d,]+) removed$/gm,
      ),
    ]);
    const number = (text: string | undefined) => Number(text?.replaceAll(',', ''));
    const snapshots = shown.map(([, pool_id, snapshot, ...counts]) => {
      const [users, groups, memberships, added, modified, removed] = counts.map(number);
      return { pool_id, snapshot, users, groups, memberships, added, modified, removed };
    });
    // Two of each run; two runs at once have a pool each.
    expect(snapshots).toHaveLength(6);
    const kept = await runSql(
      postgres.url,
      `SELECT pool_id, snapshot, users::int, groups::int, memberships::int,
         added::int, modified::int, removed::int
       FROM directory.snapshots WHERE state = 'archived'`,
    );
    expect(new Set(snapshots.map((one) => JSON.stringify(one)))).toEqual(
      new Set(kept.map((one) => JSON.stringify(one))),
    );
    expect(snapshots[0]).toMatchObject({ users: 20_000, groups: 40, added: 20_000 });
    expect(snapshots[1]).toMatchObject({ users: 20_002, added: 8, modified: 17, removed: 6 });

    const [last] = runs.slice(-1);
    const rows = await runSql(
      postgres.url,
      `SELECT concat_ws(' ', entity, kind, count(*)) AS line FROM directory.changes
       WHERE pool_id = $1 GROUP BY entity, kind`,
      [snapshots.at(-1)?.pool_id],
    );
    expect(rows.length).toBeGreaterThan(5);
    for (const { line } of rows) {
      expect(last?.stdout).toMatch(new RegExp(`^${String(line).replaceAll(' ', ' +\\| +')} `, 'm'));
    }
  } finally {
    await postgres.close();
  }
});

/** The files that a demo names, each below its folder. */
function filesIn(stdout: string): string[] {
  let folder = '';
  return stdout.split('\n').flatMap((line) => {
    folder = /^ {2}(\S+\/)$/.exec(line)?.[1] ?? folder;
    const [, file] = /^ {4}(\S+\.(?:parquet|jsonl\.gz|json))$/.exec(line) ?? [];
    return file === undefined ? [] : [folder + file];
  });
}

it('names the files that it leaves behind, and how to go on from there', async () => {
  const files = await filesBelow(join(home, 'archive'));
  for (const { stdout } of runs) {
    const named = filesIn(stdout);
    expect(named.length).toBeGreaterThanOrEqual(14);
    expect(files).toEqual(expect.arrayContaining(named));
  }
  // The environment of the demo names another database, which is not the demo's.
  const status = `DATABASE_URL= ${hint(['status'], { MIRROR_HOME: home })}`;
  expect(runs[0]?.stdout).toContain(`\n  ${status}\n`);
  const { code, stdout } = await runCli([], { shell: status });
  expect(code).toBe(0);
  expect(stdout).toContain('us-east-1_Demo2');
});

it("leaves the simulator's own pool to the simulator, in the same home", async () => {
  const simulator = await startSimulator({ users: 50, groups: 2, rps: 0 });
  try {
    const { code, stdout } = await runCli(['sync', 'us-east-1_Simulated', '--json'], {
      cwd: folder.path,
      env: {
        HOME: folder.path,
        TMPDIR: folder.path,
        MIRROR_HOME: home,
        ...serviceEnv(simulator.url),
      },
    });
    expect({ code, reports: reportsOf({ stdout }) }).toMatchObject({
      code: 0,
      reports: [{ state: 'archived', users: 50, added: 50, removed: 0 }],
    });
  } finally {
    await simulator.close();
  }
});

it('ends with its simulator when it is interrupted, and another one runs in the same home', async () => {
  const running = await startDemo();
  await expect.poll(() => running.output.stdout).toContain('The first snapshot:');
  running.child.kill('SIGINT');
  // Resolves once no process holds its standard error any more, the simulator included.
  const { code, stderr } = await running.result;
  expect(code).toBe(130);
  // The log says it as well where a snapshot was under way.
  const output = stderr.replace(/^\{.*"msg":"snapshot interrupted"\}\n/, '');
  expect(output).toMatch(/^cognito-mirror: Interrupted[^\n]*\n$/);
  expect(await demo()).toMatchObject({ code: 0, stderr: '' });
});
