import type pg from 'pg';
import { snapshotId } from '../model/snapshot.ts';
import { isTemporaryDatabaseError } from '../postgres/database-error.ts';
import type { SnapshotLease } from '../postgres/store/leases.ts';
import { addCallCounts } from '../postgres/store/snapshot-notes.ts';
import type { CallMeter } from '../telemetry/calls.ts';
import type { Logger } from '../telemetry/logger.ts';

const EVERY_MS = 5000;

/**
 * Adds a session's attempts against the service to its snapshot's row, every few seconds. It makes one
 * addition at a time, because a waiting one holds a connection.
 */
export class CallCounter {
  readonly #db: pg.Pool;
  readonly #meter: CallMeter;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #adding: Promise<void> | null = null;
  /** The lease that the counts are added under; before there is one, they accumulate. */
  lease: SnapshotLease | null = null;

  constructor(db: pg.Pool, meter: CallMeter, log: Logger) {
    this.#db = db;
    this.#meter = meter;
    this.#log = log;
    this.#timer = setInterval(() => void this.#addOnce(), EVERY_MS);
  }

  /** Adds what was counted until now. */
  async flush(): Promise<void> {
    await this.#adding;
    await this.#addOnce();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  #addOnce(): Promise<void> {
    this.#adding ??= this.#add().finally(() => {
      this.#adding = null;
    });
    return this.#adding;
  }

  async #add(): Promise<void> {
    const { lease } = this;
    if (lease === null) return;
    const counts = this.#meter.take();
    if (counts.apiCalls === 0) return;
    try {
      await addCallCounts(this.#db, lease, counts);
    } catch (error) {
      // The counts are information for people: losing some must not end a run. A lost connection to
      // Postgres is reported by the work that needs it.
      const level = isTemporaryDatabaseError(error) ? 'debug' : 'warn';
      const { poolId, snapshotAt } = lease;
      this.#log[level](
        { poolId, snapshot: snapshotId(snapshotAt), ...counts },
        'could not count calls',
      );
    }
  }
}
