import { readFile, readlink, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isProcessAlive } from '../../common/system.ts';

/**
 * What `postmaster.pid` in a data folder says (Postgres's `src/include/utils/pidfile.h`: line 1
 * the process, line 4 the port, line 8 the state).
 */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** `starting`, `ready`, `stopping`, … */
  readonly state: string;
}

/** The server that runs on this data folder, or null. A file that a dead server left does not count. */
export async function findPostmaster(data: string): Promise<Postmaster | null> {
  const text = await readPidFile(data);
  if (text === null) return null;
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!(await isServerOf(pid, data))) return null;
  return { pid, port: Number(lines[3] ?? 0), state: (lines[7] ?? 'starting').trim() };
}

/**
 * Prepares a dead server's `postmaster.pid` for the next start by this process. Postgres refuses
 * to start while the process named there is alive, even if it is another program by now. It ignores
 * its own parent. The rest of the file stays, because Postgres reads there whether processes of the
 * dead server still use its memory.
 */
export async function disownPidFile(data: string): Promise<void> {
  const text = await readPidFile(data);
  if (text === null) return;
  await writeFile(join(data, 'postmaster.pid'), text.replace(/^\d+/, String(process.pid)));
}

async function readPidFile(data: string): Promise<string | null> {
  try {
    return await readFile(join(data, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** True if the process is alive and, as far as the system shows, serves this data folder. */
async function isServerOf(pid: number, data: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid) return false;
  if (process.platform !== 'linux') return isProcessAlive(pid);
  try {
    // "pid (name) state …": a zombie (Z) is dead, although its id is in use.
    const status = await readFile(`/proc/${pid}/stat`, 'utf8');
    if (!/ \(postgres\) [^ZX]/.test(status)) return false;
  } catch {
    return false;
  }
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(data));
  } catch {
    // The server runs as another account, and this one may not look. Its name must be enough.
    return true;
  }
}
