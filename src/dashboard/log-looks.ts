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
 * can find who looked, and the log has no names.
 */
export function logLook(
  log: Logger,
  context: Context<DashboardEnv>,
  { poolId, sub }: { readonly poolId: string; readonly sub: string },
): void {
  const line = { poolId, person: hashPerson(poolId, sub), ...whoLooks(context) };
  log.info(line, 'a session looked at a person');
}

/** Logs that a session searched for people: where, and how many it saw. The line has nothing of the search. */
export function logSearch(
  log: Logger,
  context: Context<DashboardEnv>,
  { poolIds, people }: { readonly poolIds: readonly string[]; readonly people: number },
): void {
  log.info({ poolIds, people, ...whoLooks(context) }, 'a session searched for people');
}

/** Logs that a session saw members of a group, whose name can be personal. */
export function logMembers(
  log: Logger,
  context: Context<DashboardEnv>,
  { poolId, people }: { readonly poolId: string; readonly people: number },
): void {
  log.info({ poolId, people, ...whoLooks(context) }, 'a session saw members of a group');
}

/** The session and the address of a request, for the log. */
export function whoLooks(context: Context<DashboardEnv>) {
  return { session: context.get('session').id, client: clientAddress(context) };
}
