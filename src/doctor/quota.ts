import { isServedElsewhere } from '../aws/caller-identity.ts';
import { type CheckDefinition, okWithout, warning } from './check.ts';

/**
 * Requests a second of ListUsers and ListUsersInGroup together, of every account in a Region. AWS does
 * not raise it, so no call tells it: GetProvisionedLimit and Service Quotas are for adjustable quotas.
 */
const USER_LIST_RPS = 30;

export const quotaCheck: CheckDefinition = {
  id: 'quota',
  title: 'Quota of ListUsers',
  examines:
    'whether the quota that is set for ListUsers and ListUsersInGroup is more than AWS gives to every account. AWS does not raise it',
  isQuick: true,
  remedy: 'Correct MIRROR_USER_LIST_RPS, or `accounts` in the file of MIRROR_CONFIG.',
  examine: async ({ config, context, isUsable }) => {
    // Another service, such as the simulator, has quotas of its own.
    if (!isUsable('MIRROR_USER_LIST_RPS') || isServedElsewhere(context.access)) return [];
    const set: [setting: string, rps: number][] = [
      ['MIRROR_USER_LIST_RPS', config.allowance.userListRps],
    ];
    for (const [accountId, regions] of config.file.accounts) {
      for (const [region, { userListRps }] of regions) {
        if (userListRps !== undefined) {
          set.push([`userListRps of account ${accountId} in ${region}`, userListRps]);
        }
      }
    }
    const tooHigh = set
      .filter(([, rps]) => rps > USER_LIST_RPS)
      .map(([setting, rps]) =>
        warning(
          `${setting} is ${rps}, and AWS allows ${USER_LIST_RPS} requests a second: the rest is throttled, for your applications too.`,
          `Set ${setting} to ${USER_LIST_RPS}, or leave it out.`,
        ),
      );
    const rate = Math.round(config.allowance.share * config.allowance.userListRps * 10) / 10;
    return okWithout(
      tooHigh,
      `The mirror uses ${rate} of the ${USER_LIST_RPS} requests a second that each account has in a Region${config.file.accounts.size === 0 ? '' : ', unless MIRROR_CONFIG says otherwise for an account'}.`,
    );
  },
};
