import type pg from 'pg';
import { secondsBetween } from '../common/time.ts';
import { measureRates, readStatus, type Status } from '../runner/status.ts';
import { type PoolOverview, readPoolOverviews } from './overview-data.ts';

/** What the overview shows at one moment. */
export interface Overview {
  readonly status: Status;
  readonly pools: readonly PoolOverview[];
}

/** Rates are measured since a reading of at least and at most this long ago. */
const RATE_SECONDS = { least: 1.5, most: 12 };

/** Rows of pools change when a run does; ages are read again after this time. */
const POOLS_MS = 30_000;

/** The rows of pools that were read last. */
interface KnownPools {
  readonly rows: readonly PoolOverview[];
  /** The mark of the status that they belong to. */
  readonly mark: string;
  readonly at: number;
}

/** Reads the overview, one reading at a time for all pages and viewers. */
export class OverviewReader {
  readonly #db: pg.Pool;
  readonly #earlier: Status[] = [];
  #pools: KnownPools | null = null;
  #reading: Promise<Overview> | null = null;
  #next: Promise<Overview> | null = null;

  constructor(db: pg.Pool) {
    this.#db = db;
  }

  /** A reading that begins now or later. All who ask during a reading share the next one. */
  read(): Promise<Overview> {
    if (this.#next !== null) return this.#next;
    if (this.#reading === null) return this.#start();
    this.#next = this.#reading
      .catch(() => {})
      .then(() => {
        this.#next = null;
        return this.#start();
      });
    return this.#next;
  }

  #start(): Promise<Overview> {
    const reading = this.#read().finally(() => {
      this.#reading = null;
    });
    this.#reading = reading;
    return reading;
  }

  async #read(): Promise<Overview> {
    const status = this.#measure(await readStatus(this.#db, null));
    const mark = markOf(status);
    const now = performance.now();
    if (this.#pools?.mark !== mark || now - this.#pools.at > POOLS_MS) {
      this.#pools = { rows: await readPoolOverviews(this.#db, status), mark, at: now };
    }
    return { status, pools: this.#pools.rows };
  }

  /** The status with rates since an earlier reading. */
  #measure(read: Status): Status {
    const { least, most } = RATE_SECONDS;
    const ageOf = ({ at }: Status) => secondsBetween(at, read.at);
    while (this.#earlier[0] && ageOf(this.#earlier[0]) > most) this.#earlier.shift();
    const [before] = this.#earlier;
    const last = this.#earlier.at(-1);
    if (last === undefined || ageOf(last) >= least) this.#earlier.push(read);
    return before && ageOf(before) >= least ? measureRates(read, before) : read;
  }
}

/** Changes when a row of a pool does, apart from its age. */
function markOf({ pools, snapshots, schedules }: Status): string {
  return JSON.stringify([
    pools.map(({ poolId, newest, lastAttempt, vanished, retired }) => [
      poolId,
      newest?.snapshot,
      lastAttempt?.endedAt,
      vanished,
      retired,
    ]),
    snapshots.map(({ poolId, snapshot, state }) => [poolId, snapshot, state]),
    schedules.map(({ poolId, pattern, timezone, dueAt }) => [poolId, pattern, timezone, dueAt]),
  ]);
}
