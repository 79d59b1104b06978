import type { Context } from 'hono';
import type { Logger } from '../../telemetry/logger.ts';
import { whoLooks } from '../log-looks.ts';
import type { DashboardEnv } from '../session.ts';

/** Logs that a session saw changed people: of which pool, and how many. */
export function logChanges(
  log: Logger,
  context: Context<DashboardEnv>,
  { poolId, people }: { readonly poolId: string; readonly people: number },
): void {
  log.info({ poolId, people, ...whoLooks(context) }, 'a session saw changed people');
}
