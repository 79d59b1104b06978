import { findRunningPostgres } from '../postgres/embedded/find-running.ts';
import {
  type Completion,
  type CompletionKind,
  readCompletions,
} from '../postgres/history/completions.ts';
import type { MirrorOptions } from './options.ts';
import { toConfig } from './to-config.ts';

/** What to complete. */
export interface CompletionRequest {
  readonly kind: CompletionKind;
  /** The id of the pool of snapshots and groups. */
  readonly poolId?: string;
  /** Ends the look-up, which then finds nothing. */
  readonly signal: AbortSignal;
}

/**
 * Words of the database for a shell. Never starts an embedded server, and creates nothing. Without a
 * database that answers in time, there are none.
 */
export async function findCompletions(
  { kind, poolId = '', signal }: CompletionRequest,
  options: MirrorOptions,
): Promise<readonly Completion[]> {
  try {
    const { databaseUrl, home } = toConfig(options);
    const url = databaseUrl ?? (await findRunningPostgres(home));
    return url === null ? [] : await readCompletions(url, kind, poolId, signal);
  } catch {
    // A message would appear in the middle of a person's command line.
    return [];
  }
}
