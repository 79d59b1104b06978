import { existsSync, readFileSync } from 'node:fs';

/** How often the processes are looked at, in milliseconds. */
const PERIOD_MS = 50;
/** The unit of processor times in /proc (`getconf CLK_TCK`), which Linux has fixed at 100 a second. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Processor seconds of the process and all that it started, those that have ended included. */
  readonly cpuSeconds: number;
  /** Resident bytes of the process and its children. */
  readonly bytes: number;
}

/**
 * Watches a process and its children by way of /proc (Linux): their processor time at any moment,
 * and the most memory that they held together.
 */
export class ProcessWatch {
  readonly #pid: number;
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    if (!existsSync(childrenPath(process.pid))) {
      throw new Error('Benchmarks need Linux with CONFIG_PROC_CHILDREN, to see what is started.');
    }
    this.#pid = pid;
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), PERIOD_MS);
  }

  /** Takes a last sample, and no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#sample();
  }

  /** Processor seconds between two moments, in milliseconds since 1970. */
  cpuSeconds(from: number, to: number): number {
    return this.#at(to) - this.#at(from);
  }

  /** The most resident bytes of the process and its children together, as far as samples show. */
  peakBytes(from = 0, to = Number.POSITIVE_INFINITY): number {
    const within = this.#samples.filter(({ at }) => at >= from && at <= to);
    return Math.max(0, ...within.map(({ bytes }) => bytes));
  }

  #at(moment: number): number {
    const next = this.#samples.findIndex((sample) => sample.at >= moment);
    const after = this.#samples[next] ?? this.#samples.at(-1);
    const before = this.#samples[next - 1] ?? after;
    if (!after || !before || after.at === before.at) return after?.cpuSeconds ?? 0;
    const share = Math.min(1, (moment - before.at) / (after.at - before.at));
    return before.cpuSeconds + share * (after.cpuSeconds - before.cpuSeconds);
  }

  #sample(): void {
    const last = this.#samples.at(-1)?.cpuSeconds ?? 0;
    const tree = treeOf(this.#pid);
    const ticks = tree.reduce((sum, each) => sum + each.ticks, 0);
    // A process that ended between two looks is counted with its parent only afterwards.
    const cpuSeconds = Math.max(last, ticks / TICKS_PER_SECOND);
    const bytes = tree.reduce((sum, each) => sum + each.bytes, 0);
    this.#samples.push({ at: Date.now(), cpuSeconds, bytes });
  }
}

/** A process at one moment. */
interface Stat {
  readonly parent: number;
  /** Its own, and of its children those that have ended. */
  readonly ticks: number;
  readonly bytes: number;
}

/** A process and all below it; none where it has ended. */
function treeOf(pid: number): Stat[] {
  const stat = statOf(pid);
  return stat === null ? [] : [stat, ...childrenOf(pid).flatMap(treeOf)];
}

/** Where Linux lists what the main thread of a process started: that of Node and of Postgres starts all. */
function childrenPath(pid: number): string {
  return `/proc/${pid}/task/${pid}/children`;
}

function childrenOf(pid: number): number[] {
  const text = contentOf(childrenPath(pid)) ?? '';
  return text.trim().split(' ').filter(Boolean).map(Number);
}

/** A process as /proc shows it; null where there is none of this id. */
export function statOf(pid: number): Stat | null {
  const text = contentOf(`/proc/${pid}/stat`);
  if (text === null) return null;
  // After the name, which may hold anything: state, parent, … (proc(5)).
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15);
  return {
    parent: fields[1] ?? 0,
    ticks: user + system + childrenUser + childrenSystem,
    bytes: (fields[21] ?? 0) * PAGE_BYTES,
  };
}

/** A file of /proc; null where its process has ended. */
function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
