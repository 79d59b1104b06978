import type { Allowance, Config } from './config.ts';

/** What the mirror may use of each account and Region. */
export interface Allowances {
  of(accountId: string, region: string): Allowance;
  /** The least share that any account has in the Region. */
  leastShare(region: string): number;
}

/** What the file says of each account and Region, else what the environment says. */
export function allowancesOf({
  allowance,
  file: { accounts },
}: Pick<Config, 'allowance' | 'file'>): Allowances {
  const of = (accountId: string, region: string): Allowance => {
    const entry = accounts.get(accountId)?.get(region);
    return {
      share: entry?.quotaShare ?? allowance.share,
      userListRps: entry?.userListRps ?? allowance.userListRps,
    };
  };
  return {
    of,
    leastShare: (region) =>
      Math.min(allowance.share, ...[...accounts.keys()].map((id) => of(id, region).share)),
  };
}
