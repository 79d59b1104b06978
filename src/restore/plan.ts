import type { Moment } from '../model/history.ts';
import {
  LOSS_REASONS,
  type Loss,
  type LossReason,
  type RestoreEntity,
  type RestorePassword,
  type RestoreTask,
} from '../model/restore.ts';
import type { QuotaUse } from './calls.ts';
import type { RecoveryAdvice } from './recovery-advice.ts';

/** What becomes of the entities of one kind. */
export interface PlannedCounts {
  readonly create: number;
  readonly update: number;
  /** Already as they should be. */
  readonly equal: number;
  /** Not written: the losses say why. */
  readonly lost: number;
}

/** How often something does not come back. */
export interface LossCount {
  readonly reason: LossReason;
  readonly entity: RestoreEntity;
  /** True: the entities are not written at all. */
  readonly whole: boolean;
  readonly count: number;
}

/** What a restore will do, before anything is written. */
export interface RestorePlan {
  readonly source: Moment & {
    readonly poolId: string;
    /** The URL of the archive; null for the database. */
    readonly archive: string | null;
  };
  readonly target: {
    readonly poolId: string;
    readonly name: string | null;
    readonly accountId: string;
    readonly region: string;
    readonly tier: string | null;
  };
  readonly counts: Readonly<Record<RestoreEntity, PlannedCounts>>;
  /** Of the users: those that are disabled, enabled, or get a password. */
  readonly users: {
    readonly disable: number;
    readonly enable: number;
    readonly passwords: number;
  };
  readonly password: {
    readonly kind: RestorePassword;
    /** Days until a temporary password expires; null for permanent ones. */
    readonly expiresAfterDays: number | null;
  };
  /** By reason, in the order of `LOSS_REASONS`. */
  readonly losses: readonly LossCount[];
  /** The calls and their time by quota. */
  readonly quotas: readonly QuotaUse[];
  /** How long writing takes at least. */
  readonly seconds: number;
  /** Triggers of the target whose functions writing runs. */
  readonly triggers: readonly string[];
  /** Set where the service's own recovery would serve better. */
  readonly recovery: RecoveryAdvice | null;
}

/** The plan by name. It can be read until the restore ends. */
export interface RestoreNames {
  /** What is written, in its order. */
  tasks(): Iterable<RestoreTask>;
  /** What does not come back, but for what no user gets back: `sub`, dates and passwords. */
  losses(): Iterable<Loss>;
}

/** Counts losses by reason. */
export class LossTally {
  readonly #counts = new Map<string, LossCount>();

  add({ reason, entity, whole }: Pick<Loss, 'reason' | 'entity' | 'whole'>): void {
    const key = `${reason} ${entity} ${whole}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { reason, entity, whole, count });
  }

  /** In the order of `LOSS_REASONS`. */
  get all(): LossCount[] {
    const order = ({ reason }: LossCount) => LOSS_REASONS.indexOf(reason);
    return [...this.#counts.values()].sort((a, b) => order(a) - order(b));
  }
}
