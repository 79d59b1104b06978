import type { Destination } from '../archive/destination.ts';
import { openDestination } from '../archive/open-destination.ts';
import type { LockMode } from '../model/object-lock.ts';
import type { Connections } from './connections.ts';
import type { DoctorContext } from './context.ts';
import type { ExaminedPools } from './pools.ts';

/** An archive, and how its objects are locked. */
export interface ExaminedArchive {
  readonly destination: Destination;
  readonly lockMode: LockMode | null;
}

/** The archives of the pools. */
export interface ExaminedArchives {
  /** The archive of a pool, without a request to it yet. */
  readonly archiveOf: (poolId: string) => Promise<Destination>;
  /** All of them by URL. */
  readonly archives: () => Promise<ReadonlyMap<string, ExaminedArchive>>;
  /** Tries the archive with every request that a snapshot makes. */
  readonly tryArchive: (url: string) => Promise<ExaminedArchive>;
}

/** Finds the archives of an examination. */
export function findArchives(
  { config, access, unusable }: DoctorContext,
  connections: Connections,
  { poolIds, settingsOf }: ExaminedPools,
): ExaminedArchives {
  const archiveOf = (poolId: string) => {
    const { archiveUrl, archiveStorageClass: storageClass } = settingsOf(poolId);
    const { archiveSse: encryption, archiveKmsKeyId: kmsKeyId } = config;
    return connections.once(`${storageClass} ${archiveUrl}`, () =>
      openDestination(archiveUrl, { access, storageClass, encryption, kmsKeyId }),
    );
  };

  const archives = async () => {
    const found = new Map<string, ExaminedArchive>();
    if (unusable.has('ARCHIVE_URL')) return found;
    const ids = await poolIds();
    // Without pools, the archive of those that have no settings of their own.
    for (const poolId of ids.length > 0 ? ids : ['']) {
      const { archiveUrl, archiveLock } = settingsOf(poolId);
      const lockMode = archiveLock?.mode ?? found.get(archiveUrl)?.lockMode ?? null;
      found.set(archiveUrl, { destination: await archiveOf(poolId), lockMode });
    }
    return found;
  };

  const tryArchive = (url: string) =>
    connections.once(`trial ${url}`, async (signal) => {
      const archive = (await archives()).get(url) as ExaminedArchive;
      await archive.destination.check(signal, archive.lockMode);
      return archive;
    });

  return { archiveOf, archives, tryArchive };
}
