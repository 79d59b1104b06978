import {
  RESTORE_ENTITIES,
  type RestoreEntity,
  type RestoreFailure,
  type RestoreTask,
} from '../model/restore.ts';

/** How many tasks of one kind are done, and how many failed. */
export interface EntityCounts {
  readonly created: number;
  readonly updated: number;
  readonly failed: number;
}

/** What one run did so far. */
export class RestoreProgress {
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
