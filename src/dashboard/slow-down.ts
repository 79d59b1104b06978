/** So many wrong tokens of one address cost nothing: people mistype. */
const FREE = 5;
const MOST_SECONDS = 60;
/** Forgets an address after this time without a wrong token. */
const FORGOTTEN_AFTER_MS = 15 * 60_000;
/** Memory is bounded whatever addresses clients have. */
const MOST_ADDRESSES = 1_000;

/** Limits the answers to wrong tokens, by address. A right token never waits. */
export interface SlowDown {
  /** How many seconds this address must wait after wrong tokens; 0 if it need not. */
  waitSeconds(address: string): number;
  /** Counts a wrong token. */
  countWrong(address: string): void;
}

/** After five wrong tokens, each further one doubles the wait, up to a minute. */
export function createSlowDown(now: () => number = () => performance.now()): SlowDown {
  const addresses = new Map<string, { wrong: number; readonly at: number }>();
  const find = (address: string) => {
    const found = addresses.get(address);
    return found && now() - found.at < FORGOTTEN_AFTER_MS ? found : undefined;
  };
  return {
    waitSeconds(address) {
      const found = find(address);
      if (found === undefined || found.wrong < FREE) return 0;
      const seconds = Math.min(MOST_SECONDS, 2 ** (found.wrong - FREE));
      return Math.max(0, Math.ceil(seconds - (now() - found.at) / 1000));
    },
    countWrong(address) {
      const wrong = (find(address)?.wrong ?? 0) + 1;
      addresses.delete(address);
      addresses.set(address, { wrong, at: now() });
      const [oldest] = addresses.keys();
      if (addresses.size > MOST_ADDRESSES && oldest !== undefined) addresses.delete(oldest);
    },
  };
}
