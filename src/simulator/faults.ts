import { ServiceError } from './errors.ts';
import { Random } from './generate/random.ts';
import type { Operation } from './requests.ts';

/** What can go wrong on demand; each text says what a client sees. */
export const FAULTS = {
  'empty-page': 'a page without items that still carries a token (never two running)',
  'short-page': 'a page with at most half of what it could hold',
  throttle: 'TooManyRequestsException beside the quota',
  'internal-error': 'InternalErrorException, HTTP status 500',
  drop: 'the connection is cut, before the answer or in the middle of it',
  slow: 'the answer takes seconds longer',
  'repeat-user': 'a page begins with the last user of the page before it',
  churn: 'a user is created, or one deleted, before the page is read',
  deny: 'NotAuthorizedException',
  'token-refused': 'a valid page token is refused',
} as const;
export type FaultName = keyof typeof FAULTS;

/** How often a fault occurs: a rate from 0 to 1, of all operations or of the named ones. */
export type FaultSetting =
  | number
  | { readonly rate: number; readonly operations: readonly string[] };
export type FaultSettings = Readonly<Partial<Record<FaultName, FaultSetting>>>;

/** Decides, by a seeded draw, which requests meet which faults. */
export class Faults {
  readonly #random: Random;
  #settings: FaultSettings;

  constructor(seed: number, settings: FaultSettings) {
    this.#random = new Random(seed ^ 0xfa17);
    this.#settings = checked(settings);
  }

  get settings(): FaultSettings {
    return this.#settings;
  }

  /** Replaces all settings; an empty object ends every fault. */
  set(settings: FaultSettings): void {
    this.#settings = checked(settings);
  }

  /** True if this request of the operation meets the fault. */
  strikes(fault: FaultName, operation: string): boolean {
    const setting = this.#settings[fault];
    if (setting === undefined) return false;
    if (typeof setting === 'number') return this.#random.chance(setting);
    return setting.operations.includes(operation) && this.#random.chance(setting.rate);
  }
}

/** Throws a TypeError that names what is wrong with fault settings from outside. */
function checked(settings: FaultSettings): FaultSettings {
  for (const [name, setting] of Object.entries(settings) as [string, unknown][]) {
    if (!Object.hasOwn(FAULTS, name)) {
      throw new TypeError(`Unknown fault ${name}; there are ${Object.keys(FAULTS).join(', ')}.`);
    }
    const { rate, operations } = parts(setting);
    if (typeof rate !== 'number' || !(rate >= 0 && rate <= 1)) {
      throw new TypeError(`The rate of fault ${name} must be from 0 to 1.`);
    }
    if (!Array.isArray(operations) || operations.some((each) => typeof each !== 'string')) {
      throw new TypeError(`The operations of fault ${name} must be a list of names.`);
    }
  }
  return settings;
}

function parts(setting: unknown): { rate?: unknown; operations?: unknown } {
  if (typeof setting === 'object' && setting !== null) return setting;
  return { rate: setting, operations: [] };
}

/** How an operation is refused: by an IAM policy that lacks the action, or by the service itself. */
export const DENIALS = ['AccessDeniedException', 'NotAuthorizedException'] as const;
export type Denial = (typeof DENIALS)[number];

/** What a denial speaks of. */
export interface Denied {
  readonly operation: Operation;
  readonly account: string;
  readonly region: string;
  readonly poolId: string | undefined;
}

/** The refusal, with IAM's own wording where IAM refuses. */
export function denialError(denial: Denial, denied: Denied): ServiceError {
  if (denial === 'NotAuthorizedException') {
    return new ServiceError(denial, 'Not authorized to perform this operation.');
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
