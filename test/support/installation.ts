import { chmod, cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { ensureBuilt } from '../../scripts/lib/build.mjs';
import { temporaryFolder } from './temp.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** An installation of the built program, whose packages a test may alter or take away. */
export interface Installation {
  readonly path: string;
  /** The folder of one of its packages. */
  packageFolder(name: string): string;
}

/**
 * Makes an installation that any user may read, and that is gone after the test.
 *
 * @param copied packages that it has for itself
 * @param options.others whether the other packages are links to those of this checkout
 */
export async function makeInstallation(
  copied: readonly string[],
  options: { others: 'linked' | 'absent' },
): Promise<Installation> {
  await ensureBuilt();
  const { path, remove } = await temporaryFolder();
  onTestFinished(remove);
  await chmod(path, 0o755);
  for (const name of ['bin', 'dist', 'migrations', 'package.json']) {
    await cp(join(PROJECT, name), join(path, name), { recursive: true });
  }
  const packageFolder = (name: string) => join(path, 'node_modules', name);
  for (const name of copied) {
    await cp(join(PROJECT, 'node_modules', name), packageFolder(name), { recursive: true });
  }
  if (options.others === 'linked') await linkOthers(path);
  return { path, packageFolder };
}

/** Links every package that is not there. */
async function linkOthers(path: string): Promise<void> {
  for (const name of await packageNames()) {
    const link = join(path, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(PROJECT, 'node_modules', name), link).catch((error) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function packageNames(): Promise<string[]> {
  const names: string[] = [];
  for (const name of await readdir(join(PROJECT, 'node_modules'))) {
    if (name.startsWith('.')) continue;
    const scoped = name.startsWith('@') ? await readdir(join(PROJECT, 'node_modules', name)) : [];
    names.push(...(name.startsWith('@') ? scoped.map((each) => `${name}/${each}`) : [name]));
  }
  return names;
}

/** A package and all that it depends on, as they lie in this checkout. */
export async function withDependencies(name: string): Promise<string[]> {
  const found = new Set<string>();
  const pending = [name];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (found.has(next)) continue;
    const manifest = await readFile(join(PROJECT, 'node_modules', next, 'package.json'), 'utf8');
    found.add(next);
    pending.push(...Object.keys(JSON.parse(manifest).dependencies ?? {}));
  }
  return [...found];
}
