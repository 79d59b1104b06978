import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** A process that takes permits of a clustered bucket. */
export interface PermitTaker {
  /** When its attempts were released, in milliseconds on the machine's monotonic clock. */
  readonly releases: number[];
  readonly pid: number | undefined;
  /** Reports throttling to its bucket. */
  reportThrottling(): void;
  kill(): Promise<void>;
  /** Makes it close everything. Resolves with its exit code and its standard error. */
  stop(): Promise<{ code: number | null; stderr: string }>;
}

export interface PermitTakerOptions {
  readonly url: string;
  readonly account?: string;
  readonly share?: number;
  readonly userListRps?: number;
  /** How far its clock is wrong. */
  readonly clockOffsetMs?: number;
  /** How many attempts wait at a time. */
  readonly parallel?: number;
  /** How long it blocks, over and over. */
  readonly stallMs?: number;
}

const PROGRAM = fileURLToPath(new URL('permit-taker.mjs', import.meta.url));

/** Starts one. It is killed at the end of the test at the latest. */
export function startPermitTaker(options: PermitTakerOptions): PermitTaker {
  const defaults = {
    account: '111122223333',
    share: 0.8,
    userListRps: 30,
    clockOffsetMs: 0,
    parallel: 4,
    stallMs: 0,
  };
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify({ ...defaults, ...options })]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'close') as Promise<[number | null]>;
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const releases: number[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => releases.push(Number(line)));
  return {
    releases,
    pid: child.pid,
    reportThrottling: () => void child.stdin.write('throttled\n'),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      child.stdin.end('stop\n');
      const [code] = await ended;
      return { code, stderr };
    },
  };
}

/** The current time on the clock of the releases. */
export function moment(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
