import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ActionRequiredError, ResumableError } from '../model/errors.ts';
import { type Destination, readWhole } from './destination.ts';
import { describeFile } from './digest.ts';
import { lockKey } from './layout.ts';

/** How often a lock that another mirror released meanwhile is tried for again. */
const ATTEMPTS = 5;
/** How long the release of a lock may take, also where the run was interrupted. */
const RELEASE_MS = 5_000;

/** A snapshot that one mirror alone writes to a destination, until it releases the lock. */
export interface ArchiveLock {
  readonly key: string;
  /** Throws where the lock is no longer this mirror's. */
  requireHeld(signal: AbortSignal): Promise<void>;
  /** Removes the lock where it is still this mirror's. Returns false where it stays. Never throws. */
  release(): Promise<boolean>;
}

export interface LockRequest {
  readonly poolId: string;
  readonly snapshot: string;
  /** The id of the mirror's database: its own processes share the lock, as they are fenced there. */
  readonly owner: string;
  /** A private folder of this machine. */
  readonly folder: string;
}

/**
 * Locks a snapshot at a destination against other mirrors, by an object that is created only where
 * there is none. A lock that this mirror's own database holds, which a killed run left, is its own.
 *
 * @throws ConfigurationError where another mirror holds it.
 */
export async function lockArchive(
  destination: Destination,
  { poolId, snapshot, owner, folder }: LockRequest,
  signal: AbortSignal,
): Promise<ArchiveLock> {
  const key = lockKey(poolId, snapshot);
  const path = join(folder, 'lock.json');
  const own = Buffer.from(`${JSON.stringify({ installation: owner })}\n`);
  await writeFile(path, own, { mode: 0o600 });
  const file = await describeFile(path, signal);

  const lock: ArchiveLock = {
    key,
    async requireHeld(abort) {
      const held = await readWhole(destination, key, abort);
      if (held?.equals(own)) return;
      if (held !== null) throw heldByAnother(poolId, snapshot, key);
      throw new ResumableError(
        `${destination.url}: the lock ${key} was removed while the archive was written. Run it again to archive the snapshot.`,
      );
    },
    async release() {
      const timeout = AbortSignal.timeout(RELEASE_MS);
      try {
        const held = await readWhole(destination, key, timeout);
        if (!held?.equals(own)) return true;
        return (await destination.delete([key], timeout)).length === 0;
      } catch {
        return false;
      }
    },
  };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if (await destination.create(key, file, signal)) return lock;
    const held = await readWhole(destination, key, signal);
    if (held?.equals(own)) return lock;
    if (held !== null) throw heldByAnother(poolId, snapshot, key);
  }
  throw new ResumableError(
    `${destination.url}: the lock ${key} could not be taken, as another process takes and removes it. Run it again to archive the snapshot.`,
  );
}

function heldByAnother(poolId: string, snapshot: string, key: string): ActionRequiredError {
  return new ActionRequiredError([
    {
      subject: 'ARCHIVE_URL',
      problem: `another mirror, with another database, is writing the archive of ${poolId}/${snapshot} there: it holds the lock ${key}.`,
      remedy:
        'Give each database an ARCHIVE_URL of its own. If that mirror no longer runs, delete the lock.',
    },
  ]);
}
