import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The embedded server of a home by its own file, which it removes when it ends; null without one. */
export async function serverPid(home: string): Promise<number | null> {
  const path = join(home, 'postgres/data/postmaster.pid');
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? null : Number.parseInt(text, 10);
}

/** Stops the embedded server of a home, even if it is in use, and waits for its end. */
export async function stopServer(home: string): Promise<void> {
  const pid = await serverPid(home);
  if (pid === null) return;
  process.kill(pid, 'SIGINT');
  while ((await serverPid(home)) !== null) await sleep(20);
}
