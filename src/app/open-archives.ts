import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Destination } from '../archive/destination.ts';
import { loadDuckdb } from '../archive/duckdb.ts';
import { openDestination } from '../archive/open-destination.ts';
import type { AwsAccess } from '../aws/access.ts';
import { makeWorkFolder } from '../common/folders.ts';
import type { Config } from '../config/config.ts';
import { resolvePoolSettings } from '../config/pool-settings.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { LockMode } from '../model/object-lock.ts';

/** The destinations of the archives. Each is opened on first use. */
export interface Archives {
  of(poolId: string): Promise<Destination>;
}

/** The archives of pools, by the configuration at that time, without a request to any of them yet. */
export function createArchives(currentConfig: () => Config, access: AwsAccess): Archives {
  const opened = new Map<string, Promise<Destination>>();
  return {
    of(poolId) {
      const config = currentConfig();
      const { archiveKmsKeyId: kmsKeyId, archiveSse: encryption } = config;
      const { archiveUrl: url, archiveStorageClass } = resolvePoolSettings(config, poolId);
      const storage = { storageClass: archiveStorageClass, encryption, kmsKeyId };
      const name = `${archiveStorageClass} ${url}`;
      const destination = opened.get(name) ?? openDestination(url, { access, ...storage });
      opened.set(name, destination);
      return destination;
    },
  };
}

/**
 * Tries the archives of these pools before anything is read, and loads DuckDB if they need
 * it.
 *
 * @throws ActionRequiredError with every problem found
 */
export async function checkArchives(
  config: Config,
  archives: Archives,
  pools: readonly string[] | 'all',
  signal: AbortSignal,
): Promise<void> {
  await checkWorkFolder(config);
  // With `all`, pools that have no settings of their own go to the mirror's archive.
  const poolIds = pools === 'all' ? ['', ...config.file.pools.keys()] : pools;
  const destinations = new Map<Destination, LockMode | null>();
  for (const poolId of poolIds) {
    const destination = await archives.of(poolId);
    const { archiveLock } = resolvePoolSettings(config, poolId);
    destinations.set(destination, archiveLock?.mode ?? destinations.get(destination) ?? null);
  }
  await allOrProblems(
    ...(config.archiveFormats.includes('parquet') ? [loadDuckdb()] : []),
    ...[...destinations].map(([destination, lockMode]) => destination.check(signal, lockMode)),
  );
}

/** The folder in which parts of an archive are made before they are stored. */
export function workFolder(config: Config): string {
  return join(config.home, 'work');
}

/** The codes of a wrong path. A full disk and too few open files have others. */
const WRONG_PATH = [
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOTDIR',
  'ENOENT',
  'EEXIST',
  'ELOOP',
  'ENAMETOOLONG',
];

async function checkWorkFolder(config: Config): Promise<void> {
  await withWorkFolder(config, async () => {});
}

/**
 * Gives `work` a private folder for files of this process, and removes it afterwards.
 *
 * @throws ActionRequiredError if it cannot be made
 */
export async function withWorkFolder<T>(
  config: Config,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const parent = workFolder(config);
  const folder = await makeWorkFolder(parent).catch((error: NodeJS.ErrnoException) => {
    throw workFolderError(error, parent);
  });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Explains an error of creating the work folder; returns it unchanged if the path is right. */
export function workFolderError(error: NodeJS.ErrnoException, folder: string): Error {
  const { code = '' } = error;
  if (!WRONG_PATH.includes(code)) return error;
  const problem = `cannot create files in ${folder} (${code}).`;
  const remedy = 'Set it to a folder that this user can write.';
  return ActionRequiredError.of('MIRROR_HOME', problem, remedy, { cause: error });
}

/**
 * Waits for all of them.
 *
 * @throws ActionRequiredError with the problems of all, unless something else failed
 */
export async function allOrProblems<T extends readonly unknown[]>(
  ...opening: { [Index in keyof T]: Promise<T[Index]> }
): Promise<T> {
  const opened = await Promise.allSettled(opening);
  const failures = opened.flatMap((each): unknown[] =>
    each.status === 'rejected' ? [each.reason] : [],
  );
  if (failures.length > 0) {
    throw failures.every((failure) => failure instanceof ActionRequiredError)
      ? new ActionRequiredError(failures.flatMap(({ problems }) => problems))
      : failures.find((failure) => !(failure instanceof ActionRequiredError));
  }
  return opened.map((each) => (each as PromiseFulfilledResult<unknown>).value) as unknown as T;
}
