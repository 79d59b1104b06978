import { NoCredentialsError } from '../aws/credentials.ts';
import { describeCredentials } from '../aws/describe-credentials.ts';
import { mapParallel } from '../common/parallel.ts';
import { ActionRequiredError, explainAbort, MirrorError } from '../model/errors.ts';
import { describePool } from '../runner/describe-pool.ts';
import { CallMeter } from '../telemetry/calls.ts';
import type { CallOptions } from './calls.ts';
import { openLogger } from './logger.ts';
import { openQuota } from './open-quota.ts';
import type { MirrorOptions } from './options.ts';
import { listAccountPools } from './resolve-pools.ts';
import { toAccess, toConfig } from './to-config.ts';

/** A pool of the account. */
export interface AccountPool {
  readonly poolId: string;
  readonly name: string;
  /** As the service estimates them; null for a pool that was not or could not be described. */
  readonly estimatedUsers: number | null;
}

/** What the credentials in use reach. */
export interface Account {
  /** Where the credentials come from, in words. */
  readonly credentials: string;
  /** Null if no pool could be described. */
  readonly accountId: string | null;
  readonly region: string;
  readonly pools: readonly AccountPool[];
}

/** So many pools are described, as each costs a call. */
const DESCRIBED = 40;

/** Calls at the same time. */
const AT_ONCE = 5;

/** @throws what `readAccount` throws, except that an abort rejects with the signal's reason */
export async function findAccount(
  options: MirrorOptions,
  { signal = new AbortController().signal }: CallOptions,
): Promise<Account> {
  const config = toConfig(options);
  const access = toAccess(options);
  const log = openLogger(options.logger);
  const credentials = await describeCredentials(access).catch((error: unknown) => {
    if (!(error instanceof NoCredentialsError)) throw error;
    const { problem, remedy } = error.problem;
    throw ActionRequiredError.of('AWS credentials', problem, remedy, { cause: error });
  });
  const quota = await openQuota(config, log, signal);
  const { buckets } = quota;
  try {
    const { region, pools } = await listAccountPools({ config, access, log }, buckets, signal);
    const deps = { buckets, access: { ...access, role: null }, region, log };
    const described = await mapParallel(pools.slice(0, DESCRIBED), AT_ONCE, ({ poolId }) =>
      describePool(deps, poolId, new CallMeter(), signal).catch((error: unknown) => {
        if (signal.aborted || !(error instanceof MirrorError)) throw error;
        return null;
      }),
    );
    return {
      credentials,
      accountId: described.find((pool) => pool !== null)?.accountId ?? null,
      region,
      pools: pools.map(({ poolId, name }, index) => ({
        poolId,
        name,
        estimatedUsers: described[index]?.estimatedUsers ?? null,
      })),
    };
  } catch (error) {
    throw explainAbort(error, signal);
  } finally {
    await quota.close();
  }
}
