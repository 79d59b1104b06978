import type { Moment } from '../model/history.ts';
import type { TargetPool } from '../model/restore.ts';

/** How far back the service's own point-in-time recovery reaches, by the pool's tier, in days. */
const REACHES_DAYS: Readonly<Record<string, number>> = { ESSENTIALS: 1, PLUS: 14 };

/** The service's own point-in-time recovery, where it gives back more than a restore can. */
export interface RecoveryAdvice {
  readonly tier: string;
  /** How far back it reaches. */
  readonly days: number;
  /** What begins it. It pauses writes to the pool and makes a preview; nothing is changed yet. */
  readonly command: string;
}

/**
 * The service's own recovery brings back passwords, second factors and `sub`, for the whole pool in its
 * place. Null if it does not reach back to the snapshot.
 */
export function adviseRecovery(
  { snapshotAt }: Moment,
  { poolId, region, tier }: TargetPool,
  now: Date,
): RecoveryAdvice | null {
  const days = REACHES_DAYS[tier ?? ''];
  if (days === undefined || tier === null) return null;
  if (now.getTime() - snapshotAt.getTime() > days * 86_400_000) return null;
  const timestamp = `${snapshotAt.toISOString().slice(0, 19)}Z`;
  const command =
    `aws cognito-idp initiate-point-in-time-recovery --region ${region} ` +
    `--user-pool-id ${poolId} --restore-timestamp ${timestamp}`;
  return { tier, days, command };
}
