import type { Call } from './call.ts';
import { poolNotFound } from './errors.ts';
import type { SimulatedPool } from './pool.ts';

/** The pool that a call names; a pool of another Region than the request's is not found. */
export function findPool(call: Call): SimulatedPool {
  const pool = call.services.pools.get(call.input.UserPoolId);
  if (pool === undefined || pool.settings.region !== call.region) {
    throw poolNotFound(call.input.UserPoolId);
  }
  return pool;
}
