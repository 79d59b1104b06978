import { spawn } from 'node:child_process';
import { cp, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openCliMirror } from '../support/cli-mirror.ts';
import { makeInstallation } from '../support/installation.ts';
import { startRedis } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temp.ts';

/** Runs the command of an installation to its end. */
async function run(
  installation: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; stderr: string }> {
  const command = join(installation, 'bin/cognito-mirror.mjs');
  const child = spawn(process.execPath, [command, ...args], {
    env: { PATH: process.env.PATH, ...env },
  });
  let stderr = '';
  child.stdout.resume();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stderr })));
}

test('a DuckDB that is not installed is found before the first call, and is not needed for JSON Lines', async () => {
  const mirror = await openCliMirror({ users: 20, groups: 2 });
  onTestFinished(() => mirror.close());
  const installation = await makeInstallation(['@duckdb/node-api', '@duckdb/node-bindings'], {
    others: 'linked',
  });
  // As `npm ci --omit=optional` leaves it.
  for (const name of await readdir(installation.packageFolder('@duckdb'))) {
    if (name.startsWith('node-bindings-')) await rm(installation.packageFolder(`@duckdb/${name}`));
  }
  const refused = await run(installation.path, ['sync'], mirror.env);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(
    /^cognito-mirror: ARCHIVE_FORMATS: `parquet` needs DuckDB, but its package @duckdb\/node-bindings-\S+ is not installed\. .*ARCHIVE_FORMATS=jsonl\.$/m,
  );
  expect(mirror.simulator.attempts.total).toBe(0);
  const { code } = await run(installation.path, ['sync'], {
    ...mirror.env,
    ARCHIVE_FORMATS: 'jsonl',
  });
  expect(code).toBe(0);
  expect(await readdir(mirror.archive)).toContain('jsonl');
  expect(await readdir(mirror.archive)).not.toContain('parquet');
  const question = ['diff', mirror.poolId, '--archive', mirror.env['ARCHIVE_URL'] ?? ''];
  const unanswered = await run(installation.path, question, mirror.env);
  expect(unanswered.code).toBe(2);
  expect(unanswered.stderr).toMatch(
    /^cognito-mirror: --archive: reading the rows of an archive needs DuckDB, but its package @duckdb\/node-bindings-\S+ is not installed\. Run `npm install --include=optional @duckdb\/node-api`, or ask the database: leave out --archive\.$/m,
  );
});

test('packages find only what they declare, as pnpm lays them out without hoisting', async () => {
  const mirror = await openCliMirror({ users: 20, groups: 2 });
  const redis = await startRedis();
  const store = await temporaryFolder();
  onTestFinished(async () => {
    await mirror.close();
    await redis.close();
    await store.remove();
  });
  const installation = await makeInstallation(['bottleneck'], { others: 'linked' });
  const link = installation.packageFolder('bottleneck');
  await cp(link, join(store.path, 'bottleneck'), { recursive: true });
  await rm(link, { recursive: true });
  await symlink(join(store.path, 'bottleneck'), link);
  const { code, stderr } = await run(installation.path, ['sync'], {
    ...mirror.env,
    REDIS_URL: redis.url,
  });
  expect(stderr).not.toContain('Cannot find module');
  expect(code).toBe(0);
});
