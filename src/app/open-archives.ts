import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Destination } from '../archive/destination.ts';
import { openDestination } from '../archive/open-destination.ts';
import { loadDuckdb } from '../archive/parquet.ts';
import { makeWorkFolder } from '../common/folders.ts';
import type { Config } from '../config/config.ts';
import { resolvePoolSettings } from '../config/pool-settings.ts';
import { ActionRequiredError } from '../model/errors.ts';

/** Where archives go; each destination is opened when it is first asked for. */
export interface Archives {
  of(poolId: string): Promise<Destination>;
}

/** The archives of pools; nothing is asked of them yet. */
export function createArchives(config: Config): Archives {
  const { archiveKmsKeyId: kmsKeyId } = config;
  const opened = new Map<string, Promise<Destination>>();
  return {
    of(poolId) {
      const url = resolvePoolSettings(config, poolId).archiveUrl;
      const destination =
        opened.get(url) ?? openDestination(url, kmsKeyId === null ? {} : { kmsKeyId });
      opened.set(url, destination);
      return destination;
    },
  };
}

/**
 * Opens the archives of the configured pools, and tries each before anything is read. DuckDB is
 * loaded where they need it, as it may be missing.
 */
export async function openArchives(config: Config, signal: AbortSignal): Promise<Archives> {
  await checkWorkFolder(config);
  const archives = createArchives(config);
  // With `all`, pools that the file does not name go to the archive of the environment.
  const poolIds = config.pools === 'all' ? ['', ...config.file.pools.keys()] : config.pools;
  const destinations = new Set<Destination>();
  for (const poolId of poolIds) destinations.add(await archives.of(poolId));
  await allOrProblems(
    ...(config.archiveFormats.includes('parquet') ? [loadDuckdb()] : []),
    ...[...destinations].map((destination) => destination.check(signal)),
  );
  return archives;
}

/** Where parts of an archive are made before they are stored. */
export function workFolder(config: Config): string {
  return join(config.home, 'work');
}

/** The codes of a path that is wrong; a full disk or too few open files pass through. */
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
  const folder = workFolder(config);
  try {
    await rm(await makeWorkFolder(folder), { recursive: true });
  } catch (error) {
    throw workFolderError(error as NodeJS.ErrnoException, folder);
  }
}

/** What an error of making the work folder means to a person; itself, where its path is right. */
export function workFolderError(error: NodeJS.ErrnoException, folder: string): Error {
  const { code = '' } = error;
  if (!WRONG_PATH.includes(code)) return error;
  const problem = `parts of the archive cannot be made in ${folder} (${code}).`;
  const remedy = 'Set it to a folder that this user may write.';
  return new ActionRequiredError([{ subject: 'MIRROR_HOME', problem, remedy }], { cause: error });
}

/**
 * Waits for all, and fails with everything that is wrong: what cannot be used is told in one list.
 *
 * @throws ConfigurationError with the problems of all, where nothing else failed.
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
