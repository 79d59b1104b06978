import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Spool } from '../../src/common/spool.ts';
import type { TargetAttribute, TargetPool } from '../../src/model/restore.ts';
import type { SourceUser } from '../../src/restore/source-user.ts';
import { TargetState, type TargetUserRow } from '../../src/restore/target-state.ts';
import { temporaryFolder } from '../support/temp.ts';
import { TARGET } from './pool-model.ts';

const RULE: TargetAttribute = {
  type: 'String',
  required: false,
  mutable: true,
  min: null,
  max: 2048,
};

/** An attribute of a schema with these rules. */
export function attribute(rules: Partial<TargetAttribute> = {}): TargetAttribute {
  return { ...RULE, ...rules };
}

/** A pool with the schema of e-mail, name and `custom:plan`, as changed. */
export function targetPool(changes: Partial<TargetPool> = {}): TargetPool {
  const flag = attribute({ type: 'Boolean', min: null, max: null });
  return {
    poolId: 'us-east-1_Target',
    accountId: '123456789012',
    region: 'us-east-1',
    name: 'target',
    estimatedUsers: 0,
    schema: new Map([
      ['sub', attribute({ required: true, mutable: false })],
      ['email', attribute()],
      ['email_verified', flag],
      ['phone_number', attribute()],
      ['phone_number_verified', flag],
      ['preferred_username', attribute()],
      ['name', attribute()],
      ['custom:plan', attribute({ max: 10 })],
    ]),
    usernameAttributes: [],
    aliasAttributes: [],
    autoVerifiedAttributes: [],
    caseSensitive: true,
    ...TARGET,
    triggers: [],
    tier: 'ESSENTIALS',
    mfaConfiguration: 'OPTIONAL',
    deletionProtection: true,
    ...changes,
  };
}

/** A user of a snapshot. */
export function sourceUser(
  changes: Partial<Omit<SourceUser, 'attributes'>> & {
    readonly attributes?: Readonly<Record<string, string>>;
  } = {},
): SourceUser {
  const { attributes = {}, ...rest } = changes;
  return {
    username: 'ann',
    sub: 'sub-ann',
    status: 'CONFIRMED',
    enabled: true,
    attributes: new Map(Object.entries(attributes)),
    identities: [],
    mfaSettings: [],
    preferredMfa: null,
    groupNames: [],
    isKnown: true,
    ...rest,
  };
}

/** A user of the target, as the service lists it. */
export interface ListedTargetUser {
  readonly username?: string;
  readonly sub?: string;
  readonly status?: string;
  readonly enabled?: boolean;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** What was read of a target with these users. It is closed at the end of the test. */
export async function targetState(
  pool: TargetPool,
  users: readonly ListedTargetUser[] = [],
): Promise<TargetState> {
  const folder = await temporaryFolder();
  const rows = new Spool<TargetUserRow>(join(folder.path, 'target'));
  onTestFinished(async () => {
    rows.close();
    await folder.remove();
  });
  const target = new TargetState(pool, rows);
  for (const user of users) {
    const { username = 'ann', sub = 'new-ann', status = 'CONFIRMED', enabled = true } = user;
    target.addUser({
      username,
      sub,
      status,
      enabled,
      createdAt: null,
      modifiedAt: null,
      attributes: { sub, ...user.attributes },
      mfaOptions: [],
      escaped: [],
    });
  }
  return target;
}
