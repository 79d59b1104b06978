import { ServiceError } from './errors.ts';
import { Random } from './generate/random.ts';
import type { Operation } from './requests.ts';

/** The faults that can be injected, with what a client sees. */
export const FAULTS = {
  'empty-page': 'an empty page with a token (never two in a row)',
  'short-page': 'a page at most half full',
  throttle: 'TooManyRequestsException, independent of the quota',
  'internal-error': 'InternalErrorException, HTTP status 500',
  drop: 'the connection is cut, before the response or within it',
  slow: 'the response takes seconds longer',
  'repeat-user': 'a page starts with the last user of the page before it',
  churn: 'a user is created or deleted before the page is read',
  deny: 'NotAuthorizedException',
  'token-refused': 'a valid page token is refused',
} as const;
/** The name of a fault. */
export type FaultName = keyof typeof FAULTS;

/** How often a fault occurs: a rate from 0 to 1, for all operations or for the named ones. */
export type FaultSetting =
  | number
  | { readonly rate: number; readonly operations: readonly string[] };
/** The faults of a simulator, by name. */
export type FaultSettings = Readonly<Partial<Record<FaultName, FaultSetting>>>;

/** Decides by seeded random numbers which requests get which faults. */
export class Faults {
  readonly #random: Random;
  #settings: FaultSettings;

  constructor(seed: number, settings: FaultSettings) {
    this.#random = new Random(seed ^ 0xfa17);
    this.#settings = validateSettings(settings);
  }

  get settings(): FaultSettings {
    return this.#settings;
  }

  /** Replaces all settings; an empty object turns all faults off. */
  set(settings: FaultSettings): void {
    this.#settings = validateSettings(settings);
  }

  /** True if this request of the operation gets the fault. */
  strikes(fault: FaultName, operation: string): boolean {
    const setting = this.#settings[fault];
    if (setting === undefined) return false;
    if (typeof setting === 'number') return this.#random.chance(setting);
    return setting.operations.includes(operation) && this.#random.chance(setting.rate);
  }
}

/** @throws TypeError if settings that came from outside are invalid */
function validateSettings(settings: FaultSettings): FaultSettings {
  for (const [name, setting] of Object.entries(settings) as [string, unknown][]) {
    if (!Object.hasOwn(FAULTS, name)) {
      throw new TypeError(`Unknown fault ${name}. Known: ${Object.keys(FAULTS).join(', ')}.`);
    }
    const { rate, operations } = splitSetting(setting);
    if (typeof rate !== 'number' || !(rate >= 0 && rate <= 1)) {
      throw new TypeError(`The rate of fault ${name} must be from 0 to 1.`);
    }
    if (!Array.isArray(operations) || operations.some((each) => typeof each !== 'string')) {
      throw new TypeError(`The operations of fault ${name} must be a list of names.`);
    }
  }
  return settings;
}

function splitSetting(setting: unknown): { rate?: unknown; operations?: unknown } {
  if (typeof setting === 'object' && setting !== null) return setting;
  return { rate: setting, operations: [] };
}

/**
 * The error of a denied operation: from IAM, as if a policy lacked the action, or from the service,
 * which also refuses every operation in a secondary Region of a pool and while a pool is recovered.
 */
export const DENIALS = [
  'AccessDeniedException',
  'NotAuthorizedException',
  'OperationNotEnabledException',
] as const;
export type Denial = (typeof DENIALS)[number];

/** The request that is denied. */
export interface Denied {
  readonly operation: Operation;
  readonly account: string;
  readonly region: string;
  readonly poolId: string | undefined;
}

/** The error of a denied request. The message for IAM has IAM's wording. */
export function createDenial(denial: Denial, denied: Denied): ServiceError {
  if (denial === 'NotAuthorizedException') {
    return new ServiceError(denial, 'Not authorized to perform this operation.');
  }
  if (denial === 'OperationNotEnabledException') {
    return new ServiceError(
      denial,
      'This operation is not available in the current region or for the current user pool configuration.',
    );
  }
  const { operation, account, region, poolId } = denied;
  const action = `cognito-idp:${operation}`;
  const resource =
    poolId === undefined ? '*' : `arn:aws:cognito-idp:${region}:${account}:userpool/${poolId}`;
  return new ServiceError(
    denial,
    `User: arn:aws:iam::${account}:user/simulated is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
  );
}
