import type { Allowance, Config } from './config.ts';

/** What the mirror may use of each account and Region. */
export interface Allowances {
  of(accountId: string, region: string): Allowance;
  /** The least share that any account has in the Region. */
  leastShare(region: string): number;
}

/** What the configuration says of each account and Region. */
export function allowancesOf(config: Pick<Config, 'allowance'>): Allowances {
  return { of: () => config.allowance, leastShare: () => config.allowance.share };
}
