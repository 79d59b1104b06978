import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { ensureBuilt } from '../../scripts/lib/build.mjs';
import type { RestoreTask } from '../../src/model/restore.ts';
import { POOL } from '../cognito/support.ts';
import { TARGET } from './pool-model.ts';
import type { World } from './support.ts';

const PROGRAM = fileURLToPath(new URL('restore-process.mjs', import.meta.url));

export interface RestoreProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; stderr: string }>;
}

/**
 * Executes tasks in a process of its own, which can be killed.
 *
 * @param limit the shell's line that runs it as `"$@"`
 */
export async function startRestore(
  { simulator, place }: World,
  tasks: readonly RestoreTask[],
  limit = 'exec "$@"',
): Promise<RestoreProcess> {
  await ensureBuilt();
  const path = join(place.home, 'tasks.json');
  await writeFile(path, JSON.stringify({ tasks, target: { ...TARGET, poolId: POOL } }));
  const argument = JSON.stringify({ url: simulator.url, place, path });
  const child = spawn('/bin/sh', ['-c', limit, 'sh', process.execPath, PROGRAM, argument]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr }));
  return { child, ended };
}
