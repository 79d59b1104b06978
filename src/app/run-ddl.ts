import { bigqueryStatements } from '../ddl/bigquery.ts';
import type { DdlDialect } from '../ddl/dialects.ts';
import { duckdbStatements } from '../ddl/duckdb.ts';
import { athenaStatements, sparkStatements } from '../ddl/hive.ts';
import { readSealedArchive, type SealedArchive } from '../ddl/sealed-archive.ts';
import { snowflakeStatements } from '../ddl/snowflake.ts';
import { trinoStatements } from '../ddl/trino.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { listArchive } from '../verify/list-archive.ts';
import type { CallOptions } from './calls.ts';
import { noArchiveError, openCopy } from './open-copy.ts';
import type { MirrorOptions } from './options.ts';
import { toAccess, toConfig } from './to-config.ts';

/** Which archive `archiveDdl` describes, and how. */
export interface DdlRequest extends CallOptions {
  /** The URL of the archive, or of a copy; by default that of the options. */
  readonly archive?: string | undefined;
  /** Athena only: properties from which Athena computes the partitions, instead of a list of them. */
  readonly projection?: boolean | undefined;
}

/** Engines that can read a folder of this machine. */
const READ_FOLDERS: readonly DdlDialect[] = ['duckdb', 'spark'];

/** @throws what `archiveDdl` throws, except that an abort rejects with the signal's reason */
export async function runDdl(
  dialect: DdlDialect,
  { archive, projection = false }: DdlRequest,
  mirror: MirrorOptions,
  signal: AbortSignal,
): Promise<string[]> {
  if (projection && dialect !== 'athena') {
    throw ActionRequiredError.of('projection', 'only Athena computes partitions.', 'Leave it out.');
  }
  const url = archive ?? toConfig(mirror).archiveUrl;
  const destination = await openCopy(url, toAccess(mirror));
  if (url.startsWith('file:') && !READ_FOLDERS.includes(dialect)) {
    throw ActionRequiredError.of(
      url,
      `${dialect} cannot read a folder of this machine.`,
      'Give the s3:// URL of the archive with --archive or ARCHIVE_URL.',
    );
  }
  const { pools } = await listArchive(destination, signal);
  if (pools.length === 0) throw noArchiveError(url);
  const sealed = await readSealedArchive(destination, pools, signal);
  if (sealed.partitions.users.length === 0) {
    throw ActionRequiredError.of(
      url,
      'no snapshot of the archive has Parquet files.',
      'Add parquet to ARCHIVE_FORMATS; the next snapshot then has them.',
    );
  }
  return writeStatements(dialect, sealed, projection);
}

function writeStatements(
  dialect: DdlDialect,
  sealed: SealedArchive,
  projection: boolean,
): string[] {
  switch (dialect) {
    case 'athena':
      return athenaStatements(sealed, projection);
    case 'spark':
      return sparkStatements(sealed);
    case 'trino':
      return trinoStatements(sealed);
    case 'duckdb':
      return duckdbStatements(sealed);
    case 'snowflake':
      return snowflakeStatements(sealed);
    case 'bigquery':
      return bigqueryStatements(sealed);
  }
}
