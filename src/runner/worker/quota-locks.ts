import { type Locks, openLocks } from '../../postgres/coordination/locks.ts';
import { LaterError, SERVER_DOWN_MS } from './failures.ts';

const TRY_AGAIN_MS = 15_000;

/**
 * This process's shared locks on the quotas of accounts and Regions. While they are held, no inline
 * run without Redis can use the same quota.
 */
export class QuotaLocks {
  readonly #databaseUrl: string;
  #session: Promise<Session> | null = null;

  constructor(databaseUrl: string) {
    this.#databaseUrl = databaseUrl;
  }

  /**
   * Takes the shared lock on a quota, if this process does not have it.
   *
   * @returns a signal that fires if the lock is lost: no more calls are allowed until it is taken again.
   * @throws LaterError if an inline run has the exclusive lock.
   */
  async join(accountId: string, region: string): Promise<AbortSignal> {
    this.#session ??= this.#open();
    const session = await this.#session;
    const scope = `${accountId}/${region}`;
    let joined = session.joined.get(scope);
    if (!joined) {
      joined = session.locks.lockQuota(accountId, region, 'shared');
      session.joined.set(scope, joined);
      const forget = () => session.joined.delete(scope);
      joined.then((taken) => taken || forget(), forget);
    }
    if (await joined) return session.lost.signal;
    throw new LaterError(
      `An inline run without Redis uses the quota of account ${accountId} in ${region} alone.`,
      TRY_AGAIN_MS,
    );
  }

  /** Drops a connection that no longer answers. The next `join` opens another. */
  async drop(): Promise<void> {
    const session = await this.#session?.catch(() => null);
    session?.drop();
  }

  async close(): Promise<void> {
    const session = await this.#session?.catch(() => null);
    await session?.locks.unlock();
  }

  async #open(): Promise<Session> {
    const lost = new AbortController();
    const forget = () => {
      this.#session = null;
      lost.abort(
        new LaterError(
          'Lost the connection to Postgres that holds the quota lock.',
          SERVER_DOWN_MS,
        ),
      );
    };
    try {
      const locks = await openLocks(this.#databaseUrl, forget);
      const drop = () => {
        forget();
        // The connection does not answer: releasing it can only fail.
        locks.unlock().catch(() => {});
      };
      return { locks, lost, joined: new Map(), drop };
    } catch (error) {
      this.#session = null;
      throw error;
    }
  }
}

/** One connection, and the locks that it holds, by account and Region. */
interface Session {
  readonly locks: Locks;
  readonly lost: AbortController;
  readonly joined: Map<string, Promise<boolean>>;
  drop(): void;
}
