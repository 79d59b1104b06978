import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../telemetry/logger.ts';

/** too_many_connections: of the server, the database or the role. */
const NONE_LEFT = '53300';

/** A timeout of the role's defaults ended the session before its own settings counted. */
const CUT_SHORT = ['57P05', '25P04', '57014'];
const MOST_CUTS = 5;

/** How long a free connection is waited for. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 250;

/** What is done meanwhile. */
export interface Waiting {
  /** Gets one line where a connection has to be waited for. */
  readonly log?: Logger | undefined;
  /** Called before each further try; true where that one waits by itself. */
  readonly onNoneLeft?: () => boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects, waiting for a free connection where the server, the database or the role has none left.
 *
 * @throws the refusal, where none was free within a minute.
 */
export async function awaitConnection<T>(
  connect: () => Promise<T>,
  { log, onNoneLeft = () => false, signal }: Waiting = {},
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  let cuts = 0;
  let told = false;
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      signal?.throwIfAborted();
      const { code = '' } = error as { code?: string };
      if (CUT_SHORT.includes(code) && cuts < MOST_CUTS) {
        cuts += 1;
        continue;
      }
      if (code !== NONE_LEFT || performance.now() > deadline) throw error;
    }
    if (onNoneLeft()) continue;
    if (!told) log?.warn('Postgres has no connection left: waiting up to a minute for one');
    told = true;
    await sleep(RETRY_MS, undefined, { signal });
  }
}
