import { ConfigurationError } from '../model/errors.ts';

/** Node's message for a package that is not there, with its name. */
const MISSING = /^Cannot find (?:module|package) '(@duckdb\/[^'/]+)/;

/**
 * Loads DuckDB, of which npm installs the library as an optional package for the platform. Takes
 * about 25 MB of memory.
 *
 * @throws ConfigurationError where it is not installed, or this system cannot load it
 */
export async function loadDuckdb(): Promise<typeof import('@duckdb/node-api')> {
  try {
    return await import('@duckdb/node-api');
  } catch (cause) {
    const message = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : '';
    const name = MISSING.exec(message)?.[1];
    const problem =
      name === undefined
        ? `\`parquet\` needs DuckDB, which this system cannot load (${message}).`
        : `\`parquet\` needs DuckDB, and its package ${name} is not installed.`;
    const install = name === undefined ? 'Use' : 'Install again without `--omit=optional`, or use';
    throw new ConfigurationError(
      [
        {
          subject: 'ARCHIVE_FORMATS',
          problem,
          remedy: `${install} ARCHIVE_FORMATS=jsonl.`,
        },
      ],
      { cause },
    );
  }
}
