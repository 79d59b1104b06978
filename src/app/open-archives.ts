import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Destination } from '../archive/destination.ts';
import { openDestination } from '../archive/open-destination.ts';
import { makeWorkFolder } from '../archive/work-folder.ts';
import type { Config } from '../config/config.ts';
import { settingsOf } from '../config/pool-settings.ts';
import { ConfigurationError } from '../model/errors.ts';
import { allOrProblems } from './all-or-problems.ts';

/** Where archives go; each destination is opened when it is first asked for. */
export interface Archives {
  of(poolId: string): Promise<Destination>;
}

/**
 * Opens the archives of pools.
 *
 * @param poolIds proves that these can be made and written, before anything is read.
 */
export async function openArchives(
  config: Config,
  poolIds: readonly string[],
  signal: AbortSignal,
): Promise<Archives> {
  await checkWorkFolder(config);
  const { archiveKmsKeyId: kmsKeyId } = config;
  const opened = new Map<string, Promise<Destination>>();
  const of = (poolId: string) => {
    const url = settingsOf(config, poolId).archiveUrl;
    const destination =
      opened.get(url) ?? openDestination(url, kmsKeyId === null ? {} : { kmsKeyId });
    opened.set(url, destination);
    return destination;
  };
  for (const poolId of poolIds) await of(poolId);
  const checks = [...opened.values()].map(async (destination) => (await destination).check(signal));
  await allOrProblems(...checks);
  return { of };
}

/** Where parts of an archive are made before they are stored. */
export function workFolder(config: Config): string {
  return join(config.home, 'work');
}

async function checkWorkFolder(config: Config): Promise<void> {
  try {
    await rm(await makeWorkFolder(workFolder(config)), { recursive: true });
  } catch (error) {
    throw new ConfigurationError(
      [
        {
          subject: 'MIRROR_HOME',
          problem: `parts of the archive cannot be made in ${workFolder(config)} (${(error as NodeJS.ErrnoException).code}).`,
          remedy: 'Set it to a folder that this user may write.',
        },
      ],
      { cause: error },
    );
  }
}
