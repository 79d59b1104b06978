import type { Context } from 'hono';
import type { Logger } from '../../telemetry/logger.ts';
import { clientAddress, type DashboardEnv } from '../session.ts';

/** Logs that a session saw changed people: of which pool, and how many. */
export function logChanges(
  log: Logger,
  context: Context<DashboardEnv>,
  { poolId, people }: { readonly poolId: string; readonly people: number },
): void {
  const line = {
    poolId,
    people,
    session: context.get('session').id,
    client: clientAddress(context),
  };
  log.info(line, 'a session saw changed people');
}
