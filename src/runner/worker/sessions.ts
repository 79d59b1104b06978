import { RETRY_POLICY } from '../../cognito/call.ts';
import { isSameRecord } from '../../model/privacy.ts';
import { parseSnapshotId } from '../../model/snapshot.ts';
import { joinLease } from '../../postgres/store/leases.ts';
import { findPool } from '../../postgres/store/pools.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import { SnapshotProgress } from '../../telemetry/snapshot-progress.ts';
import { NO_TRACE } from '../../telemetry/tracing.ts';
import { openSession, type SessionDeps, SnapshotSession } from '../session.ts';
import { type JobDeps, requirePoolDeps } from './deps.ts';
import type { WalkData } from './queues.ts';

/** A job whose calls are throttled for longer returns its slot, so that others can use it. */
const RETRIES = { ...RETRY_POLICY, throttledForMs: 30_000 };

/** Opens the session of a snapshot's job. */
export async function openJobSession(
  deps: JobDeps,
  poolId: string,
  jobId: string,
  signal: AbortSignal,
): Promise<SnapshotSession> {
  const sessionDeps = toSessionDeps(deps, poolId, jobId);
  const settings = await requirePoolDeps(deps, poolId);
  return openSession(sessionDeps, poolId, settings, new SnapshotProgress(poolId), signal);
}

/** @param jobId of the snapshot's job, whose runs and walks are one trace. */
function toSessionDeps(deps: JobDeps, poolId: string, jobId: string): SessionDeps {
  const trace = deps.tracing?.join(poolId, jobId) ?? NO_TRACE;
  return { ...deps, trace, retryPolicy: RETRIES };
}

/** A session that walks of one snapshot share. */
interface SharedSession {
  readonly session: SnapshotSession;
  readonly context: SnapshotContext;
}

interface Shared {
  readonly opening: Promise<SharedSession | null>;
  /** How many jobs of this process use it. */
  users: number;
}

/** A session, as long as one walk's job uses it. */
interface Borrowed {
  readonly context: SnapshotContext;
  release(): Promise<void>;
}

/**
 * The sessions whose walks this process reads. Walks of one snapshot share a session: its connections
 * to the service, and its committer, which commits their pages together.
 */
export class SnapshotSessions {
  readonly #deps: JobDeps;
  readonly #shared = new Map<string, Shared>();

  constructor(deps: JobDeps) {
    this.#deps = deps;
  }

  /**
   * @param jobId of the snapshot's job.
   * @returns null if the lease was taken again since the job was added, or the snapshot has ended.
   */
  async borrow(data: WalkData, jobId: string): Promise<Borrowed | null> {
    const name = `${data.poolId}/${data.snapshot}/${data.lease}`;
    let shared = this.#shared.get(name);
    if (!shared) {
      shared = { opening: this.#join(data, jobId), users: 0 };
      this.#shared.set(name, shared);
    }
    const { opening } = shared;
    const release = async () => {
      shared.users -= 1;
      if (shared.users > 0) return;
      this.#shared.delete(name);
      await (await opening.catch(() => null))?.session.close();
    };
    shared.users += 1;
    try {
      const opened = await opening;
      if (opened !== null) return { context: opened.context, release };
    } catch (error) {
      await release();
      throw error;
    }
    await release();
    return null;
  }

  async #join(data: WalkData, jobId: string): Promise<SharedSession | null> {
    const { db } = this.#deps;
    const snapshotAt = parseSnapshotId(data.snapshot);
    const pool = await findPool(db, data.poolId);
    if (snapshotAt === null || pool === null) return null;
    const lease = await joinLease(db, data.poolId, snapshotAt, data.lease);
    if (lease === null) return null;
    const sessionDeps = toSessionDeps(this.#deps, data.poolId, jobId);
    const settings = await requirePoolDeps(this.#deps, data.poolId);
    // The rules changed since the job was added: the snapshot's job starts a new snapshot.
    if (!isSameRecord(lease.privacy, settings.privacy.database.record)) return null;
    const progress = new SnapshotProgress(data.poolId);
    const session = new SnapshotSession(sessionDeps, settings, pool, progress);
    session.useLease(lease);
    try {
      return { session, context: await session.openContext(lease) };
    } catch (error) {
      await session.close();
      throw error;
    }
  }
}
