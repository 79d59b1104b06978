import { DATASETS, type Dataset } from './snapshot.ts';

/** What happened to a row of the state. */
export const CHANGE_KINDS = ['added', 'modified', 'removed'] as const;
type ChangeKind = (typeof CHANGE_KINDS)[number];

/** Rows of `changes`, by the dataset that they are about and by what happened. */
export type ChangeCounts = Readonly<Record<Dataset, Readonly<Record<ChangeKind, number>>>>;

/** What `changes` calls one row of each dataset. */
export const ENTITIES = { users: 'user', groups: 'group', memberships: 'membership' } as const;

/** Counts rows of `changes`. */
export class ChangeTally {
  readonly #counts = {
    users: { added: 0, modified: 0, removed: 0 },
    groups: { added: 0, modified: 0, removed: 0 },
    memberships: { added: 0, modified: 0, removed: 0 },
  };

  get counts(): ChangeCounts {
    return this.#counts;
  }

  /** Returns false if no row can have this entity and kind. */
  add(entity: unknown, kind: unknown, rows = 1): boolean {
    const dataset = DATASETS.find((each) => ENTITIES[each] === entity);
    const known = CHANGE_KINDS.find((each) => each === kind);
    if (dataset === undefined || known === undefined) return false;
    this.#counts[dataset][known] += rows;
    return true;
  }

  addAll(counts: ChangeCounts): void {
    for (const dataset of DATASETS) {
      for (const kind of CHANGE_KINDS) this.#counts[dataset][kind] += counts[dataset][kind];
    }
  }
}
