import { type Locks, openLocks } from '../../postgres/work/locks.ts';
import { LaterError, SERVER_AWAY_MS } from './failures.ts';

const TRY_AGAIN_MS = 15_000;

/**
 * This process's part in the quotas of accounts and Regions, which all workers share: as long as it
 * is held, no inline run that knows nothing of Redis can take the same quota besides.
 */
export class QuotaLocks {
  readonly #databaseUrl: string;
  #session: Promise<Session> | null = null;

  constructor(databaseUrl: string) {
    this.#databaseUrl = databaseUrl;
  }

  /**
   * Takes part in a quota, if this process does not yet.
   *
   * @returns a signal that fires where the part is lost: no more calls then, until it is taken again.
   * @throws LaterError where an inline run has the quota for itself.
   */
  async join(accountId: string, region: string): Promise<AbortSignal> {
    this.#session ??= this.#open();
    const session = await this.#session;
    const scope = `${accountId}/${region}`;
    let joined = session.joined.get(scope);
    if (!joined) {
      joined = session.locks.takeQuota(accountId, region, 'shared');
      session.joined.set(scope, joined);
      const forget = () => session.joined.delete(scope);
      joined.then((taken) => taken || forget(), forget);
    }
    if (await joined) return session.lost.signal;
    throw new LaterError(
      `An inline run without Redis has the quota of account ${accountId} in ${region} for itself; it is waited for.`,
      TRY_AGAIN_MS,
    );
  }

  /** Gives up a connection that says nothing any more; the next to join opens another. */
  async drop(): Promise<void> {
    const session = await this.#session?.catch(() => null);
    session?.drop();
  }

  async close(): Promise<void> {
    const session = await this.#session?.catch(() => null);
    await session?.locks.release();
  }

  async #open(): Promise<Session> {
    const lost = new AbortController();
    const forget = () => {
      this.#session = null;
      lost.abort(
        new LaterError(
          'The connection to Postgres that holds the quota was lost; another one is waited for.',
          SERVER_AWAY_MS,
        ),
      );
    };
    try {
      const locks = await openLocks(this.#databaseUrl, forget);
      const drop = () => {
        forget();
        locks.release().catch(() => {});
      };
      return { locks, lost, joined: new Map(), drop };
    } catch (error) {
      this.#session = null;
      throw error;
    }
  }
}

/** One connection, and the quotas that are shared by it. */
interface Session {
  readonly locks: Locks;
  readonly lost: AbortController;
  readonly joined: Map<string, Promise<boolean>>;
  drop(): void;
}
