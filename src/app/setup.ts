import type { Completion } from '../postgres/history/completions.ts';
import type { Account } from './account-pools.ts';
import type { CallOptions } from './calls.ts';
import type { CheckedSetting } from './check-settings.ts';
import type { CompletionRequest } from './complete.ts';
import type { Policy, PolicyRequest } from './iam-policy.ts';
import type { MirrorOptions } from './options.ts';

/**
 * The pools of the account and Region that the credentials in use reach, with their estimated users.
 *
 * @throws ActionRequiredError if there are no credentials, no Region, or no right to list pools
 */
export async function readAccount(
  options: MirrorOptions = {},
  call: CallOptions = {},
): Promise<Account> {
  const { findAccount } = await import('./account-pools.ts');
  return findAccount(options, call);
}

/**
 * Tries one setting: connects to Postgres or Redis, or makes the requests that an archive needs. Creates
 * nothing that stays.
 *
 * @throws ActionRequiredError if the setting is wrong, or its server cannot be reached or refuses
 */
export async function checkSetting(
  setting: CheckedSetting,
  options: MirrorOptions,
  call: CallOptions = {},
): Promise<void> {
  const { trySetting } = await import('./check-settings.ts');
  return trySetting(setting, options, call);
}

/**
 * The least IAM policy for a configuration. It calls no service unless a pool is given by its name.
 *
 * @throws ActionRequiredError if no pool is configured
 */
export async function iamPolicy(
  { signal = new AbortController().signal, ...request }: PolicyRequest = {},
  options: MirrorOptions = {},
): Promise<Policy> {
  const { makePolicy } = await import('./iam-policy.ts');
  return makePolicy(request, options, signal);
}

/** Words of the database for the completion of a shell; none if it does not answer in time. */
export async function completeWords(
  request: CompletionRequest,
  options: MirrorOptions,
): Promise<readonly Completion[]> {
  const { findCompletions } = await import('./complete.ts');
  return findCompletions(request, options);
}
