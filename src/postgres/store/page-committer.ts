import type { Queryable } from '../connection.ts';
import { commitPages, type UserPage } from './commit-pages.ts';
import type { SnapshotLease } from './leases.ts';
import { failLostWalk } from './walks.ts';

interface Waiting {
  readonly page: UserPage;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Commits pages in small groups: pages that arrive during one commit are the next group. Each walk waits
 * for its page, so a group has at most one page for each walk that is being read.
 */
export class PageCommitter {
  readonly #db: Queryable;
  readonly #lease: SnapshotLease;
  #waiting: Waiting[] = [];
  #busy = false;

  constructor(db: Queryable, lease: SnapshotLease) {
    this.#db = db;
    this.#lease = lease;
  }

  /**
   * Resolves once the page's rows and its walk's next token are committed.
   *
   * @throws LeaseLostError if another runner has the walk.
   */
  commit(page: UserPage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ page, resolve, reject });
      if (!this.#busy) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        const staged = await commitPages(
          this.#db,
          this.#lease,
          group.map((waiting) => waiting.page),
        );
        for (const { page, resolve, reject } of group) {
          if (staged.has(page.walk.id)) resolve();
          else failLostWalk(this.#db, this.#lease, page.walk).catch(reject);
        }
      } catch (error) {
        for (const waiting of group) waiting.reject(error);
      }
    }
    this.#busy = false;
  }
}
