import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ResumableError } from '../../index.ts';

/** Beside this file in src as in dist. */
const MAIN = fileURLToPath(new URL(`../main${import.meta.url.slice(-3)}`, import.meta.url));

/** A simulator in a process of its own, as a user would start it. */
interface SimulatorProcess {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts `cognito-mirror simulator` with these arguments; resolves once it serves. */
export async function startSimulatorProcess(args: readonly string[]): Promise<SimulatorProcess> {
  const child = spawn(process.execPath, [...process.execArgv, MAIN, 'simulator', ...args], {
    // The channel is how it learns that this process is gone, however it went.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const url = await firstLine(child);
  return {
    url,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout) {
    for await (const line of createInterface({ input: child.stdout })) return line;
  }
  throw new ResumableError('The simulator ended before it served. Its output is above.');
}
