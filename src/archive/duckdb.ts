import { ActionRequiredError } from '../model/errors.ts';

/**
 * How every embedded DuckDB runs: with one thread, so that memory stays small and rows keep their order.
 * It never uses the network (`json` and `parquet` are built in), and returns freed memory to the system
 * at once.
 */
export const DUCKDB_SETTINGS = {
  threads: '1',
  allocator_flush_threshold: '1MB',
  allocator_bulk_deallocation_flush_threshold: '1MB',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
};

/** Node's message for a package that is not installed. */
const MISSING = /^Cannot find (?:module|package) '(@duckdb\/[^'/]+)/;

/** Who needs DuckDB, for the message if it is missing. */
export interface DuckdbNeed {
  readonly subject: string;
  readonly what: string;
  /** What works without it, as the end of a sentence that begins with "or". */
  readonly instead: string;
}

const FOR_PARQUET: DuckdbNeed = {
  subject: 'ARCHIVE_FORMATS',
  what: '`parquet`',
  instead: 'set ARCHIVE_FORMATS=jsonl.',
};

/**
 * Loads DuckDB, whose library npm installs as an optional package for the platform. Takes about
 * 25 MB of memory.
 *
 * @throws ActionRequiredError if it is not installed or this system cannot load it
 */
export async function loadDuckdb({
  subject,
  what,
  instead,
}: DuckdbNeed = FOR_PARQUET): Promise<typeof import('@duckdb/node-api')> {
  try {
    return await import('@duckdb/node-api');
  } catch (cause) {
    const message = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : '';
    const name = MISSING.exec(message)?.[1];
    if (name === undefined) {
      const problem = `${what} needs DuckDB, and this system cannot load it (${message}).`;
      const remedy = instead.charAt(0).toUpperCase() + instead.slice(1);
      throw ActionRequiredError.of(subject, problem, remedy, { cause });
    }
    throw ActionRequiredError.of(
      subject,
      `${what} needs DuckDB, but its package ${name} is not installed.`,
      `Run \`npm install --include=optional @duckdb/node-api\`, or ${instead}`,
      { cause },
    );
  }
}

/** Removes the message of errors in which DuckDB quotes a value of a row. */
export function describeDuckdbError(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const kind = /^[A-Za-z -]+ Error(?=:)/.exec(message)?.[0] ?? 'unknown error';
  return kind === 'IO Error' || kind === 'Out of Memory Error' ? message : kind;
}

/** A text as an SQL literal. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
