import { poolNotFound } from './errors.ts';
import type { Faults } from './faults.ts';
import type { Random } from './generate/random.ts';
import type { PageTokens } from './page-token.ts';
import type { SimulatedPool } from './pool.ts';
import type { Input, Operation } from './requests.ts';

/** State that all calls of a simulator share. */
export interface Services {
  readonly pools: Map<string, SimulatedPool>;
  /** The account of requests that name no pool. */
  readonly account: string;
  /** The time of changes, in milliseconds since 1970. */
  readonly now: () => number;
  readonly tokens: PageTokens;
  readonly faults: Faults;
  /** How full pages are on average: over 0, up to 1. */
  readonly pageFill: number;
  readonly random: Random;
}

/** One request to an operation. */
export interface Call {
  readonly operation: Operation;
  readonly input: Input;
  readonly requestId: string;
  /** The Region that the request was signed for. */
  readonly region: string;
  readonly services: Services;
}

/** The id of the pool in the ARN that a call names, if it is one of a pool. */
export function parsePoolArn(arn: unknown): string | undefined {
  const [, id] = /^arn:[^:]+:cognito-idp:[^:]+:\d+:userpool\/([\w-]+)$/.exec(String(arn)) ?? [];
  return id;
}

/** The pool whose ARN a call names. */
export function findPoolOfArn(call: Call): SimulatedPool {
  const UserPoolId = parsePoolArn(call.input.ResourceArn) ?? '';
  return findPool({ ...call, input: { ...call.input, UserPoolId } });
}

/** The pool that a call names. It must be in the Region that the request was signed for. */
export function findPool(call: Call): SimulatedPool {
  const pool = call.services.pools.get(call.input.UserPoolId);
  if (pool === undefined || pool.settings.region !== call.region) {
    throw poolNotFound(call.input.UserPoolId);
  }
  return pool;
}
