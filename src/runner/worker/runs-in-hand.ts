import { parseSnapshotId } from '../../model/snapshot.ts';
import { joinLease } from '../../postgres/store/leases.ts';
import { findPool } from '../../postgres/store/pools.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import { expectSizes } from '../../snapshot/plan-walks.ts';
import type { JobDeps } from './parts.ts';
import type { WalkData } from './queues.ts';
import { openSnapshotSession, type SnapshotSession } from './run-in-hand.ts';

interface Shared {
  readonly run: Promise<SnapshotSession | null>;
  /** How many jobs of this process work on it. */
  users: number;
}

/** A snapshot that a walk is a part of, for as long as the walk is in hand. */
export interface Borrowed {
  readonly context: SnapshotContext;
  release(): Promise<void>;
}

/**
 * The snapshots whose walks this process reads: walks of one snapshot share its connections, and
 * commit their pages together.
 */
export class SnapshotSessions {
  readonly #parts: JobDeps;
  readonly #shared = new Map<string, Shared>();

  constructor(deps: JobDeps) {
    this.#parts = deps;
  }

  /** @returns null where the snapshot was taken up again since the job was made, or has ended. */
  async borrow(data: WalkData): Promise<Borrowed | null> {
    const name = `${data.poolId}/${data.snapshot}/${data.lease}`;
    let shared = this.#shared.get(name);
    if (!shared) {
      shared = { run: this.#join(data), users: 0 };
      this.#shared.set(name, shared);
    }
    const { run } = shared;
    const release = async () => {
      shared.users -= 1;
      if (shared.users > 0) return;
      this.#shared.delete(name);
      await (await run.catch(() => null))?.close();
    };
    shared.users += 1;
    try {
      const inHand = await run;
      if (inHand !== null) return { context: inHand.context, release };
    } catch (error) {
      await release();
      throw error;
    }
    await release();
    return null;
  }

  async #join(data: WalkData): Promise<SnapshotSession | null> {
    const { db } = this.#parts;
    const snapshotAt = parseSnapshotId(data.snapshot);
    const pool = await findPool(db, data.poolId);
    if (snapshotAt === null || pool === null) return null;
    const lease = await joinLease(db, data.poolId, snapshotAt, data.lease);
    if (lease === null) return null;
    const inHand = await openSnapshotSession(this.#parts, lease, pool);
    try {
      await expectSizes(inHand.context);
      return inHand;
    } catch (error) {
      await inHand.close();
      throw error;
    }
  }
}
