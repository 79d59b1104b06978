import type { Destination, LockState } from '../archive/destination.ts';
import { signatureKey } from '../archive/layout.ts';
import type { LockPromise, ManifestObject, ParsedManifest } from '../archive/manifest.ts';
import type { ObjectProblem } from './check-object.ts';
import type { LockSummary } from './findings.ts';

/** A run needs this long at most between publishing a snapshot and locking the last of its objects. */
const LOCKING_MS = 60 * 60_000;

/** Compares the locks of objects with what their manifests promise, as far as the reader may see them. */
export class LockChecker {
  readonly #destination: Destination;
  readonly #signal: AbortSignal;
  #locked = 0;
  #unseen: LockSummary['unseen'] = null;

  constructor(destination: Destination, signal: AbortSignal) {
    this.#destination = destination;
    this.#signal = signal;
  }

  /** What was found out so far. */
  get summary(): LockSummary {
    return { locked: this.#locked, unseen: this.#unseen };
  }

  /** Checks an object that exists. A copy in a place without Object Lock is as good as any. */
  async check(key: string, promise: PromisedLock | null): Promise<ObjectProblem | null> {
    if (promise === null || this.#unseen !== null) return null;
    const found = await this.#destination.readLock(key, this.#signal);
    if (found.state === 'hidden' || found.state === 'unsupported') {
      this.#unseen = found.state;
      return null;
    }
    if (isKept(found, promise)) {
      this.#locked += 1;
      return null;
    }
    const until = promise.until.toISOString();
    return {
      code: 'unlocked',
      detail: `Its manifest promises a lock (${promise.mode}) until ${until}, and it ${describe(found)}.`,
    };
  }
}

/** A lock that an object must have now. */
export interface PromisedLock {
  readonly mode: LockPromise['mode'];
  readonly until: Date;
}

/**
 * The locks that a manifest promises and that have not ended, by key. None of a snapshot that a run may
 * be locking now.
 */
export function promisedLocks(
  manifestKey: string,
  {
    lock,
    objects,
    publishedAt,
  }: Pick<ParsedManifest, 'lock' | 'publishedAt'> & {
    readonly objects: readonly Pick<ManifestObject, 'key'>[];
  },
  now: Date,
): Map<string, PromisedLock> {
  const promised = new Map<string, PromisedLock>();
  if (lock === undefined || now.getTime() - new Date(publishedAt).getTime() < LOCKING_MS) {
    return promised;
  }
  const { mode } = lock;
  const add = (key: string, date: string) => {
    const until = new Date(date);
    if (until > now) promised.set(key, { mode, until });
  };
  for (const { key } of objects) add(key, lock.partsUntil);
  for (const key of [manifestKey, signatureKey(manifestKey)]) add(key, lock.manifestUntil);
  return promised;
}

function isKept(found: LockState, { mode, until }: PromisedLock): boolean {
  if (found.state !== 'locked') return false;
  return found.until >= until && (mode === 'governance' || found.mode === 'compliance');
}

function describe(found: LockState): string {
  if (found.state !== 'locked') return 'has none';
  return `is locked (${found.mode}) until ${found.until.toISOString()}`;
}
