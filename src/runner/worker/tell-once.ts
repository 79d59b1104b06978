import { isConnectionLost } from '../../redis/trouble.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { isJobLost, originOf, tellable } from './failures.ts';
import { waitAfter } from './later.ts';

/** Tells that something, such as a pool, could not be looked after. */
export type Tell = (what: string, error: unknown) => void;

/**
 * Logs each failure once, however often it comes. A server that is away or refuses is logged by its
 * own connection, and what Redis lost is made again.
 */
export function tellOnce(log: Logger): Tell {
  const told = new Set<string>();
  return (what, error) => {
    if (waitAfter(error) !== null || isJobLost(error) || isConnectionLost(error)) return;
    const reason = tellable(error as Error);
    const said = `${what}: ${reason}`;
    if (told.has(said)) return;
    told.add(said);
    log.warn({ what, reason, at: originOf(error as Error) }, 'could not be looked after');
  };
}
