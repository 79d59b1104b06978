import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../common/make-folder.ts';

/** The host is part of the name, as a folder may be shared between machines or containers. */
const OWNER = /^(.*)-(\d+)-[^-]{6}$/;

/**
 * Makes a private folder of this process's own. Those that killed processes of this machine left
 * behind, with rows of a snapshot in them, are removed first.
 */
export async function makeWorkFolder(parent: string): Promise<string> {
  await makeFolder(parent);
  for (const name of await readdir(parent)) {
    const [, host, pid] = OWNER.exec(name) ?? [];
    if (host === hostname() && !isAlive(Number(pid))) {
      await rm(join(parent, name), { recursive: true, force: true });
    }
  }
  return mkdtemp(join(parent, `${hostname()}-${process.pid}-`));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is alive, and another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
