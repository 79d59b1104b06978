import type { DdlDialect } from '../ddl/dialects.ts';
import { explainAbort } from '../model/errors.ts';
import type { MirrorOptions } from './options.ts';
import type { DdlRequest } from './run-ddl.ts';

/**
 * Writes the statements that make the Parquet files of an archive queryable in an engine: a table or
 * view for each dataset with the snapshots that are sealed now. It needs nothing but the right to read
 * the archive's documents.
 *
 * @returns the statements in order, without a semicolon at the end
 * @throws ActionRequiredError if the request is wrong, or the archive is missing or was altered
 * @throws ResumableError if the archive cannot be read
 * @throws InterruptedError if the signal fired
 */
export async function archiveDdl(
  dialect: DdlDialect,
  { signal = new AbortController().signal, ...request }: DdlRequest = {},
  options: MirrorOptions = {},
): Promise<readonly string[]> {
  const { runDdl } = await import('./run-ddl.ts');
  try {
    return await runDdl(dialect, request, options, signal);
  } catch (error) {
    throw explainAbort(error, signal);
  }
}
