import { setTimeout as sleep } from 'node:timers/promises';
import { withLease } from '../postgres/store/leases.ts';
import { findMissingGroups } from '../postgres/store/missing.ts';
import { reopenWalks } from '../postgres/store/replace-walks.ts';
import { READING_STATES } from '../postgres/store/states.ts';
import type { SnapshotContext, StepResult } from './context.ts';
import { addWalks } from './tally.ts';

/** Attempts to read a group that is still listed, one second apart, then twice as long each time. */
const MOST_ATTEMPTS = 5;
const FIRST_WAIT_MS = 1_000;

/**
 * Confirms that missing groups are gone, with one more pass of ListGroups after all walks have ended. A
 * group that is still listed is read again.
 */
export async function confirmGroups(
  context: SnapshotContext,
  signal: AbortSignal,
): Promise<StepResult> {
  const { db, lease, cognito, log, progress } = context;
  const missing = await findMissingGroups(db, lease);
  if (missing.length === 0) return { walks: [], hold: null };
  const attempts = Math.max(...missing.map(({ attempt }) => attempt));
  await sleep(FIRST_WAIT_MS * 2 ** (Math.min(attempts, MOST_ATTEMPTS) - 1), undefined, { signal });
  const listed = new Set<string>();
  for await (const page of cognito.groupPages(lease.poolId, { token: null }, signal)) {
    for (const { groupName } of page.items) listed.add(groupName);
  }
  const stillListed = missing.filter(({ groupName }) => listed.has(groupName ?? ''));
  const counts = { poolId: lease.poolId, deleted: missing.length - stillListed.length };
  if (stillListed.length === 0) {
    log.info(counts, 'groups were deleted while the snapshot was read: they are left out');
    return { walks: [], hold: null };
  }
  log.warn(
    { ...counts, listed: stillListed.length },
    'the service lists groups whose members it does not find',
  );
  if (attempts >= MOST_ATTEMPTS) {
    return {
      walks: [],
      hold:
        `ListGroups lists ${stillListed.length} groups that ListUsersInGroup did not find in ` +
        `${attempts} attempts.`,
    };
  }
  const ids = stillListed.map(({ id }) => id);
  const walks = await withLease(db, lease, READING_STATES, (client) =>
    reopenWalks(client, lease, ids),
  );
  addWalks(progress, walks);
  return { walks, hold: null };
}
