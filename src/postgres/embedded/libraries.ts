import { access, chmod, mkdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { getErrorCode } from '../../common/system.ts';
import { PASSAGE } from './launch.ts';
import { embeddedProblem } from './problem.ts';

interface Link {
  /** The library, relative to the package. */
  readonly source: string;
  /** The name by which others load it, relative to the package. */
  readonly target: string;
}

/** Errors for a package of another user, or on a read-only file system. */
const NOT_OURS = ['EACCES', 'EPERM', 'EROFS'];

/**
 * Creates the library links that the package's install script would create: npm packages cannot contain
 * links, and install scripts may be off (`allowScripts`, `--ignore-scripts`, npm 12). If this user cannot
 * write to the package, the links go to `ownFolder`. Only one process at a time may call this.
 *
 * @returns more folders in which the loader must look for libraries, or null
 */
export async function linkLibraries(
  packageFolder: string,
  ownFolder: string,
): Promise<string | null> {
  const links = await readLinks(packageFolder);
  try {
    for (const link of links) await linkInside(packageFolder, link);
    return null;
  } catch (error) {
    if (!NOT_OURS.includes(getErrorCode(error))) throw error;
  }
  if (ownFolder.includes(delimiter)) {
    throw embeddedProblem(
      `library links cannot be made in ${packageFolder}, and the loader cannot find any in ${ownFolder}, as its path has a colon.`,
      'Set MIRROR_HOME to a folder without a colon in its path',
    );
  }
  await mkdir(ownFolder, { recursive: true });
  await chmod(ownFolder, PASSAGE);
  for (const link of links) await linkOutside(packageFolder, ownFolder, link);
  return [ownFolder, join(packageFolder, 'native', 'lib')].join(delimiter);
}

async function linkInside(packageFolder: string, { source, target }: Link): Promise<void> {
  const path = join(packageFolder, target);
  if (await isThere(path)) return;
  await symlink(relative(dirname(path), join(packageFolder, source)), path).catch((error) => {
    // Another command made it at the same time.
    if (getErrorCode(error) !== 'EEXIST') throw error;
  });
}

/** A link of an earlier installation is replaced: the package may lie elsewhere now. */
async function linkOutside(
  packageFolder: string,
  ownFolder: string,
  { source, target }: Link,
): Promise<void> {
  const path = join(ownFolder, basename(target));
  const library = join(packageFolder, source);
  if ((await readlink(path).catch(() => null)) === library) return;
  await rm(path, { force: true });
  await symlink(library, path);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** A package without links has no list. */
async function readLinks(packageFolder: string): Promise<Link[]> {
  const list = join(packageFolder, 'native', 'pg-symlinks.json');
  try {
    return JSON.parse(await readFile(list, 'utf8'));
  } catch (error) {
    if (getErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
