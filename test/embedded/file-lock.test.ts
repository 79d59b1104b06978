import { spawn } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { acquireFileLock } from '../../src/postgres/embedded/file-lock.js';
import { temporaryFolder } from '../support/temp.ts';

const FILE_LOCK = new URL('../../src/postgres/embedded/file-lock.js', import.meta.url).href;
/** A process id that is never given out: beyond the kernel's own limit. */
const DEAD = '4194305-dead';

async function makeFolder(): Promise<string> {
  const { path, remove } = await temporaryFolder();
  onTestFinished(remove);
  return path;
}

test('one at a time holds the lock, and nothing is left of it', async () => {
  const folder = await makeFolder();
  const path = join(folder, 'lock');
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const release = await acquireFileLock(path);
      inside += 1;
      most = Math.max(most, inside);
      await sleep(5);
      inside -= 1;
      await release();
    }),
  );
  expect(most).toBe(1);
  expect(readdirSync(folder)).toEqual([]);
});

test('a waiter gets one notice that it waits, and can give up', async () => {
  const path = join(await makeFolder(), 'lock');
  const release = await acquireFileLock(path);
  const controller = new AbortController();
  let waits = 0;
  const waiting = acquireFileLock(path, {
    signal: controller.signal,
    onWait: () => {
      waits += 1;
    },
  });
  await sleep(150);
  controller.abort();
  await expect(waiting).rejects.toThrow(/abort/i);
  expect(waits).toBe(1);
  await release();
  await (await acquireFileLock(path))();
});

test('a holder that cannot touch its file learns it once, because it may lose the lock', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const path = join(await makeFolder(), 'lock');
  const errors: Error[] = [];
  const release = await acquireFileLock(path, { onUntouched: (error) => errors.push(error) });
  rmSync(path);
  for (let i = 0; i < 3; i += 1) vi.advanceTimersByTime(5_000);
  await vi.waitFor(() => expect(errors).toMatchObject([{ code: 'ENOENT' }]));
  await release();
  expect(errors).toHaveLength(1);
});

test('a dead holder is put aside, and by many waiters at once still one at a time holds it', async () => {
  const folder = await makeFolder();
  const path = join(folder, 'lock');
  const log = join(folder, 'log');
  const script = `
    import { appendFile } from 'node:fs/promises';
    import { acquireFileLock } from ${JSON.stringify(FILE_LOCK)};
    for (let i = 0; i < 5; i += 1) {
      const release = await acquireFileLock(${JSON.stringify(path)});
      await appendFile(${JSON.stringify(log)}, '(');
      await new Promise((done) => setTimeout(done, 2));
      await appendFile(${JSON.stringify(log)}, ')');
      // Every other time it dies while it holds the lock.
      if (i === 4 && process.argv[1] === 'die') process.kill(process.pid, 'SIGKILL');
      await release();
    }`;
  await writeFile(path, DEAD);
  // A waiter that died while it put the dead holder aside.
  await writeFile(`${path}.${DEAD}`, DEAD);
  await appendFile(log, '');
  const processes = Array.from({ length: 6 }, (_, i) =>
    spawn(process.execPath, ['--input-type=module', '-e', script, i % 2 === 0 ? 'die' : 'live']),
  );
  await Promise.all(processes.map((child) => new Promise((resolve) => child.on('close', resolve))));
  expect(await readFile(log, 'utf8')).toBe('()'.repeat(30));
  await (await acquireFileLock(path))();
});
