/**
 * A local server with the API of Amazon Cognito user pools, over generated users and groups. It
 * reads no environment and changes nothing in the process; `close()` ends it.
 *
 * ```ts
 * import { startSimulator } from 'cognito-mirror/simulator';
 *
 * const simulator = await startSimulator({ pools: ['eu-west-1_Test'], users: 50 });
 * // Give simulator.url to a client as its endpoint, with any credentials.
 * await simulator.close();
 * ```
 */
export type { Attempt, AttemptFilter, AttemptLog, Outcome } from './attempt-log.ts';
export type { PoolConfiguration, Resource } from './configuration.ts';
export type { Denial, FaultName, FaultSetting, FaultSettings, Faults } from './faults.ts';
export type { GroupFields } from './group-store.ts';
export type { PoolSpec, SimulatorOptions } from './options.ts';
export type { Membership, NewUser, SimulatedPool, UserChange } from './pool.ts';
export type { Bucket } from './quota.ts';
export type {
  GroupRecord,
  MfaOption,
  PasswordPolicy,
  PoolSettings,
  UserRecord,
} from './records.ts';
export type { Operation } from './requests.ts';
export {
  type AttributeType,
  createSchema,
  customAttribute,
  type Schema,
  type SchemaAttribute,
} from './schema.ts';
export { type Simulator, startSimulator } from './server.ts';
