import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ActionRequiredError } from '../model/errors.ts';
import { openDatabase } from '../postgres/database.ts';
import type { CallOptions } from './calls.ts';
import { openLogger } from './logger.ts';
import { createArchives } from './open-archives.ts';
import { openQuota } from './open-quota.ts';
import type { MirrorOptions } from './options.ts';
import { toAccess, toConfig } from './to-config.ts';

/** The settings that can be tried. */
export type CheckedSetting = 'databaseUrl' | 'redisUrl' | 'archiveUrl';

/** @throws what `checkSetting` throws */
export async function trySetting(
  setting: CheckedSetting,
  options: MirrorOptions,
  { signal = new AbortController().signal }: CallOptions,
): Promise<void> {
  const config = toConfig(options);
  const log = openLogger(options.logger);
  if (setting === 'databaseUrl') {
    // The embedded one would be created.
    if (config.databaseUrl !== null) await (await openDatabase(config, signal, log)).close();
  } else if (setting === 'redisUrl') {
    await (await openQuota(config, log, signal)).close();
  } else if (config.archiveUrl.startsWith('file:')) {
    await requireWritable(fileURLToPath(config.archiveUrl));
  } else {
    const destination = await createArchives(() => config, toAccess(options)).of('');
    await destination.check(signal, null);
  }
}

/** The folder, or the first of its parents that exists. Creates nothing. */
async function requireWritable(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const parent = dirname(folder);
    if (code === 'ENOENT' && parent !== folder) return requireWritable(parent);
    throw ActionRequiredError.of(
      'ARCHIVE_URL',
      `the folder ${folder} cannot be written (${code}).`,
      'Let this user write it, or give another one.',
      { cause },
    );
  }
}
