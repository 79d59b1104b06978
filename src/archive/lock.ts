import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ActionRequiredError, ResumableError } from '../model/errors.ts';
import type { Destination } from './destination.ts';
import { archiveUrlError } from './errors.ts';
import { lockKey } from './layout.ts';
import { describeFile, readWhole } from './read-object.ts';

/** Attempts to take a lock that other mirrors take and release in the meantime. */
const ATTEMPTS = 5;
/** The time limit of an unlock, which also applies to an interrupted run. */
const UNLOCK_MS = 5_000;

/** The right of one mirror to write a snapshot to a destination. */
export interface SnapshotLock {
  readonly key: string;
  /** Throws if this mirror no longer holds the lock. */
  assertHeld(signal: AbortSignal): Promise<void>;
  /** Removes the lock if this mirror holds it. Returns false if it stays. Never throws. */
  unlock(): Promise<boolean>;
}

interface LockRequest {
  readonly poolId: string;
  readonly snapshot: string;
  /** The id of the mirror's database. Its processes share the lock; leases keep them apart. */
  readonly owner: string;
  /** A private folder of this machine. */
  readonly folder: string;
}

/**
 * Locks a snapshot at a destination against other mirrors, with an object that is never replaced.
 * A lock of the same database, which a killed run left, counts as taken by this run.
 *
 * @throws ActionRequiredError if another mirror holds it.
 */
export async function lockArchive(
  destination: Destination,
  { poolId, snapshot, owner, folder }: LockRequest,
  signal: AbortSignal,
): Promise<SnapshotLock> {
  const key = lockKey(poolId, snapshot);
  const path = join(folder, 'lock.json');
  const own = Buffer.from(`${JSON.stringify({ installation: owner })}\n`);
  await writeFile(path, own, { mode: 0o600 });
  const file = await describeFile(path, signal);

  const lock: SnapshotLock = {
    key,
    async assertHeld(abort) {
      const held = await readWhole(destination, key, abort);
      if (held?.equals(own)) return;
      if (held !== null) throw heldByAnotherError(poolId, snapshot, key);
      throw new ResumableError(
        `${destination.url}: the lock ${key} was removed while the archive was written. Run the command again to archive the snapshot.`,
      );
    },
    async unlock() {
      const timeout = AbortSignal.timeout(UNLOCK_MS);
      try {
        const held = await readWhole(destination, key, timeout);
        if (!held?.equals(own)) return true;
        return await destination.hide(key, timeout);
      } catch {
        return false;
      }
    },
  };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if (await destination.create(key, file, signal)) return lock;
    const held = await readWhole(destination, key, signal);
    if (held?.equals(own)) return lock;
    if (held !== null) throw heldByAnotherError(poolId, snapshot, key);
  }
  throw new ResumableError(
    `${destination.url}: the lock ${key} could not be taken, because another process takes and removes it. Run the command again to archive the snapshot.`,
  );
}

function heldByAnotherError(poolId: string, snapshot: string, key: string): ActionRequiredError {
  return archiveUrlError(
    `another mirror with another database is writing the archive of ${poolId}/${snapshot} there. It holds the lock ${key}.`,
    'Give each database its own ARCHIVE_URL. If that mirror no longer runs, delete the lock.',
  );
}
