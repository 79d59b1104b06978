import { expect } from 'vitest';
import type { FleetWorker } from './fleet.ts';

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly server?: string;
}

/** The lines of a worker's log about problems and servers, in order. */
export function troubleIn({ output }: FleetWorker): string[] {
  const lines = output.stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
  return lines
    .filter(({ level, server }) => level !== 'info' || server !== undefined)
    .map(({ msg, server }) => `${msg} ${server}`);
}

/** The expected lines for one lost connection to a server and its recovery. */
export const lossAndReturn = (server: string) => [
  expect.stringMatching(`^lost the connection to a server: .* ${server}`),
  expect.stringMatching(`^reconnected to a server: .* ${server}`),
];
