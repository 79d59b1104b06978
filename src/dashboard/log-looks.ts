import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import type { Logger } from '../telemetry/logger.ts';
import { clientAddress, type DashboardEnv } from './session.ts';

/** The hash of a person in the log: SHA-256 of `POOL/SUB`, in hexadecimal. docs/DASHBOARD.md shows how to compute it. */
export function hashPerson(poolId: string, sub: string): string {
  return createHash('sha256').update(`${poolId}/${sub}`).digest('hex');
}

/**
 * Logs that a session looked at a person. The line has a hash instead of the `sub`: who knows the person
 * can find who looked, and the log names nobody.
 */
export function logLook(
  log: Logger,
  context: Context<DashboardEnv>,
  { poolId, sub }: { readonly poolId: string; readonly sub: string },
): void {
  const { id } = context.get('session');
  const line = {
    poolId,
    person: hashPerson(poolId, sub),
    session: id,
    client: clientAddress(context),
  };
  log.info(line, 'a session looked at a person');
}
