import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** A process that takes turns at a clustered bucket. */
export interface TurnTaker {
  /** When its attempts were released, in milliseconds on the machine's monotonic clock. */
  readonly releases: number[];
  /** Has it tell of an answer of throttling. */
  throttled(): void;
  kill(): Promise<void>;
  /** Has it close everything; gives its exit code and what it wrote to standard error. */
  stop(): Promise<{ code: number | null; stderr: string }>;
}

export interface TurnTakerOptions {
  readonly url: string;
  readonly account?: string;
  readonly share?: number;
  readonly userListRps?: number;
  /** How far its clock is off. */
  readonly clockOffsetMs?: number;
  /** How many attempts wait at a time. */
  readonly parallel?: number;
  /** How long it stands still, over and over. */
  readonly stallMs?: number;
}

const PROGRAM = fileURLToPath(new URL('turn-taker.mjs', import.meta.url));

/** Starts one, and sees to it that it is gone when the test has ended. */
export function startTurnTaker(options: TurnTakerOptions): TurnTaker {
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
    throttled: () => void child.stdin.write('throttled\n'),
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

/** The moment now, on the clock of the releases. */
export function moment(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
