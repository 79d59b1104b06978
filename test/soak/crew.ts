import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/simulator/generate/random.ts';
import type { EnvChange } from '../support/cli-mirror.ts';
import type { Fleet, FleetWorker } from '../support/fleet.ts';

/** A supervisor waits so long before it starts again what did not start. */
const START_AGAIN_MS = 1_000;
const MOST_STARTS = 60;

/** The workers of a soak. No fault hits the first. The others start again when they end. */
export class Crew {
  readonly #fleet: Fleet;
  readonly #env: EnvChange;
  readonly #workers: FleetWorker[] = [];
  /** Every worker that ever ran. */
  readonly all: FleetWorker[] = [];
  /** What ended as it should not. */
  readonly wrong: string[] = [];

  constructor(fleet: Fleet, env: EnvChange) {
    this.#fleet = fleet;
    this.#env = env;
  }

  get workers(): readonly FleetWorker[] {
    return this.#workers;
  }

  get steady(): FleetWorker {
    return this.#workers[0] as FleetWorker;
  }

  async start(count: number, change: EnvChange = {}): Promise<void> {
    const started = await Promise.all(Array.from({ length: count }, () => this.#start(change)));
    this.#workers.push(...started);
  }

  /** Ends a worker by a signal, and starts another in its place. */
  async end(random: Random, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const index = this.#struck(random);
    await this.#end(this.#workers[index] as FleetWorker, signal);
    this.#workers[index] = await this.#start();
  }

  /** Stops a worker for a time as a machine does that hangs. */
  async freeze(random: Random, ms: number): Promise<void> {
    const { child } = this.#workers[this.#struck(random)] as FleetWorker;
    child.kill('SIGSTOP');
    await sleep(ms);
    child.kill('SIGCONT');
  }

  /** Ends all workers in order. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => this.#end(worker, 'SIGTERM')));
  }

  #struck(random: Random): number {
    return 1 + random.below(this.#workers.length - 1);
  }

  async #end({ child, pid, result }: FleetWorker, signal: NodeJS.Signals): Promise<void> {
    child.kill(signal);
    const { code } = await result;
    if (signal === 'SIGTERM' && code !== 0) this.wrong.push(`worker ${pid} ended with ${code}`);
  }

  /** A worker does not start while a server that it needs is away. */
  async #start(change: EnvChange = {}): Promise<FleetWorker> {
    for (let starts = 1; ; starts += 1) {
      try {
        const worker = await this.#fleet.worker({ ...this.#env, ...change });
        this.all.push(worker);
        return worker;
      } catch (error) {
        if (starts === MOST_STARTS) throw error;
        await sleep(START_AGAIN_MS);
      }
    }
  }
}
