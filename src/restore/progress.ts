import {
  RESTORE_ENTITIES,
  type RestoreEntity,
  type RestoreFailure,
  type RestoreTask,
} from '../model/restore.ts';
import { isWrite, type Operation } from '../quota/quotas.ts';
import { CallMeter, type CallObserver } from '../telemetry/calls.ts';

/** What a restore does now. */
export type RestorePhase = 'read' | 'compare' | 'write' | 'done';

/** How many tasks of one kind are done, and how many failed. */
export interface EntityCounts {
  readonly created: number;
  readonly updated: number;
  readonly failed: number;
}

/** What one run did so far. Displays read it, and no decision but how the run ended. */
export class RestoreProgress {
  phase: RestorePhase = 'read';
  /** What was read of the target. A chain of pages that begins again counts again. */
  readonly target = { groups: 0, users: 0, memberships: 0 };
  /** Users of the snapshot that were compared. */
  compared = 0;
  /** The tasks of the plan. */
  readonly total = new Map<RestoreEntity, number>();
  /** Counts the attempts against the service. */
  readonly meter = new CallMeter();
  /** False: the target is surely as it was. True also if the answer of a write was lost. */
  hasWritten = false;
  /** For the client that writes. */
  readonly observer: CallObserver = {
    recordAttempt: ({ operation, outcome }) => {
      const isRefused = outcome === 'refused' || outcome === 'throttled';
      if (!isRefused && isWrite(operation as Operation)) this.hasWritten = true;
    },
    recordPage() {},
  };
  readonly #counts = new Map<RestoreEntity, EntityCounts>();
  readonly #reasons = new Map<RestoreFailure, number>();

  /** @param failure null: the task is done */
  count(
    { entity, action }: Pick<RestoreTask, 'entity' | 'action'>,
    failure: RestoreFailure | null,
  ) {
    const { created, updated, failed } = this.of(entity);
    if (failure !== null) {
      this.#reasons.set(failure, (this.#reasons.get(failure) ?? 0) + 1);
      this.#counts.set(entity, { created, updated, failed: failed + 1 });
    } else if (action === 'create') {
      this.#counts.set(entity, { created: created + 1, updated, failed });
    } else {
      this.#counts.set(entity, { created, updated: updated + 1, failed });
    }
  }

  of(entity: RestoreEntity): EntityCounts {
    return this.#counts.get(entity) ?? { created: 0, updated: 0, failed: 0 };
  }

  /** How many tasks of all kinds failed. */
  get failed(): number {
    return RESTORE_ENTITIES.reduce((sum, entity) => sum + this.of(entity).failed, 0);
  }

  /** How many tasks failed for each reason, the most frequent first. */
  get reasons(): ReadonlyMap<RestoreFailure, number> {
    return new Map([...this.#reasons].sort(([, a], [, b]) => b - a));
  }
}
