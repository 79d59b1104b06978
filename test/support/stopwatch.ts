import { readFileSync } from 'node:fs';

/** How often the other processes are read: what a process waited before it ended must be known. */
const READ_EVERY_MS = 20;

export interface Stopwatch {
  /** Milliseconds since the start, without those in which a process waited for a processor. */
  elapsed(): number;
}

/**
 * Measures how long something takes on a machine that may be busy with other work. It subtracts the time
 * in which a process was ready to run but had no processor, as Linux counts it: of this process or the
 * given ones, whichever waited most. On other systems it measures plain time.
 *
 * @param pids the processes that do the work, if this one does not do it alone.
 */
export function startStopwatch(...pids: readonly (number | undefined)[]): Stopwatch {
  const delays = [process.pid, ...pids].map(openDelay);
  const start = performance.now();
  if (delays.length > 1) {
    const reading = setInterval(() => {
      const [, ...others] = delays.map((read) => read());
      if (others.every(({ isAlive }) => !isAlive)) clearInterval(reading);
    }, READ_EVERY_MS).unref();
  }
  return {
    elapsed: () => performance.now() - start - Math.max(...delays.map((read) => read().waitedMs)),
  };
}

/** Reads how long a process has waited for a processor since the first call, also after it ended. */
function openDelay(pid: number | undefined): () => { waitedMs: number; isAlive: boolean } {
  const first = readRunDelay(pid);
  let last = first;
  return () => {
    const now = readRunDelay(pid);
    last = now ?? last;
    return { waitedMs: ((last ?? 0) - (first ?? 0)) / 1e6, isAlive: now !== null };
  };
}

/** The nanoseconds that the main thread of a process has waited for a processor; null if unknown. */
function readRunDelay(pid: number | undefined): number | null {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]);
  } catch {
    return null;
  }
}
