import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How long the end of the suite waits for servers that were left running. */
const PATIENCE_MS = 3_000;

/**
 * Makes the parent of every temporary folder of the suite. When this process ends, for any reason,
 * it stops the servers in the folder and deletes it.
 */
export function makeSuiteFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cognito-mirror-tests-'));
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = folder;
  // Vitest ends the process at once when it is interrupted, so this must be synchronous.
  process.once('exit', () => clearUp(folder));
  return folder;
}

function clearUp(folder: string): void {
  const running = () => readdirSync(folder).flatMap((name) => serverIn(join(folder, name)));
  for (const pid of running()) kill(pid);
  const deadline = performance.now() + PATIENCE_MS;
  // By their files: this process cannot see its own children end while it waits.
  while (running().length > 0 && performance.now() < deadline) pause(20);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** Where servers write their process ids, in folders of their own. */
const PID_FILES = ['postgres/data/postmaster.pid', 'redis.pid'];

function serverIn(home: string): number[] {
  return PID_FILES.flatMap((name) => {
    try {
      return [Number.parseInt(readFileSync(join(home, name), 'utf8'), 10)];
    } catch {
      return [];
    }
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGQUIT');
  } catch {
    // It has ended, and left its file.
  }
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
