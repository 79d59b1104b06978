import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/temp.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** What `npm test` does for Redis before it starts the tests. */
const ENSURE = `
  const { runMain } = await import('./scripts/lib/failure.mjs');
  const { ensureRedisServer } = await import('./scripts/lib/unpack-redis.mjs');
  await runMain(async () => { await ensureRedisServer(); return 0; });`;

let checkout: string;

beforeEach(async () => {
  const { path, remove } = await temporaryFolder();
  onTestFinished(remove);
  checkout = path;
  for (const name of ['scripts', 'src/postgres/embedded/file-lock.js']) {
    await cp(join(PROJECT, name), join(checkout, name), { recursive: true });
  }
  await writeFile(join(checkout, 'package.json'), '{"type":"module"}');
  await mkdir(join(checkout, 'programs'));
});

/** Writes a redis-server that only prints its version. */
async function putServer(folder: string, version: string): Promise<void> {
  await mkdir(join(checkout, folder), { recursive: true });
  const text = `#!/bin/sh\necho "Redis server v=${version} sha=00000000:0 malloc=libc bits=64"\n`;
  await writeFile(join(checkout, folder, 'redis-server'), text, { mode: 0o755 });
}

/** Runs on a system that has the programs of one folder alone, and so no apt-get. */
async function ensure(): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', ENSURE], {
    cwd: checkout,
    env: { PATH: join(checkout, 'programs') },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

test('without a redis-server, and no way to get one, there is one message with the remedy', async () => {
  const { code, stderr } = await ensure();
  expect(code).toBe(1);
  expect(stderr).toMatch(/need redis-server .*apt-get install redis-server.*brew install redis/);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test('the system is searched first, then the cache', async () => {
  await putServer('node_modules/.cache/redis-server/usr/bin', '7.0.15');
  expect(await ensure()).toEqual({ code: 0, stderr: '' });
  await putServer('programs', '6.2.1');
  expect(await ensure()).toEqual({ code: 0, stderr: '' });
});

test('a server that is too old counts as missing', async () => {
  await putServer('programs', '6.0.16');
  expect((await ensure()).code).toBe(1);
});
