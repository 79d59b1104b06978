import type {
  CreateUserTask,
  RestoreTask,
  TargetPool,
  UpdateUserTask,
} from '../../src/model/restore.ts';
import type { SimulatedPool, UserRecord } from '../../src/simulator/index.ts';

/** A user to restore. */
export interface SourceUser {
  readonly username: string;
  readonly sub: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly enabled: boolean;
  readonly sms: boolean;
  /** Ids at the provider Google. */
  readonly links: readonly string[];
  readonly groups: readonly string[];
}

/** What a restore is to bring into an empty pool. */
export interface Source {
  readonly groups: readonly { readonly groupName: string; readonly precedence: number | null }[];
  readonly users: readonly SourceUser[];
}

/** A pool with users of all kinds: disabled, with MFA, linked, in several groups. */
export function createSource(users: number, groups: number): Source {
  const names = Array.from({ length: groups }, (_, i) => `group-${i}`);
  return {
    groups: names.map((groupName, i) => ({ groupName, precedence: i % 3 === 0 ? null : i })),
    users: Array.from({ length: users }, (_, i) => ({
      username: `user-${i}`,
      sub: `old-${i}`,
      attributes: {
        email: `user-${i}@example.com`,
        email_verified: i % 2 === 0 ? 'true' : 'false',
        phone_number: `+4179${String(i).padStart(7, '0')}`,
        name: `Name ${i}\u2028`,
      },
      enabled: i % 5 !== 0,
      sms: i % 4 === 0,
      links: i % 6 === 0 ? [`g-${i}`, `h-${i}`] : [],
      groups: names.filter((_, group) => (i + group) % 4 === 0),
    })),
  };
}

/** The rules that matter to the executor. */
export const TARGET: Pick<TargetPool, 'passwordPolicy'> = {
  passwordPolicy: {
    minimumLength: 8,
    requireUppercase: true,
    requireLowercase: true,
    requireNumbers: true,
    requireSymbols: true,
    temporaryPasswordValidityDays: 7,
  },
};

const SMS = { settings: ['SMS_MFA'], preferred: 'SMS_MFA' } as const;

/** What the pool lacks of the source, made without the program's own comparison. */
export function planTasks(
  { groups, users }: Source,
  pool: SimulatedPool,
  unfinished: ReadonlySet<string> = new Set(),
): RestoreTask[] {
  const groupNames = new Set(pool.groupNames());
  return [
    ...groups
      .filter(({ groupName }) => !groupNames.has(groupName))
      .map(
        (group): RestoreTask => ({
          entity: 'group',
          action: 'create',
          description: `About ${group.groupName}`,
          roleArn: null,
          ...group,
        }),
      ),
    ...users.flatMap((user) => planUser(user, pool, unfinished)),
    ...users.flatMap((user) =>
      user.groups
        .filter((group) => !groupNames.has(group) || !isMember(pool, user.username, group))
        .map(
          (groupName): RestoreTask => ({
            entity: 'membership',
            action: 'create',
            groupName,
            username: user.username,
            target: pool.hasUser(user.username) ? user.username : null,
          }),
        ),
    ),
    ...users.flatMap((user) =>
      user.links
        .filter((id) => !identitiesOf(pool, user.username).includes(`"userId":"${id}"`))
        .map(
          (userId): RestoreTask => ({
            entity: 'link',
            action: 'create',
            username: user.username,
            target: pool.hasUser(user.username) ? user.username : null,
            providerName: 'Google',
            userId,
          }),
        ),
    ),
  ];
}

function planUser(
  { username, sub, attributes, enabled, sms }: SourceUser,
  pool: SimulatedPool,
  unfinished: ReadonlySet<string>,
): (CreateUserTask | UpdateUserTask)[] {
  const mfa = sms ? SMS : null;
  if (!pool.hasUser(username)) {
    const names = { username, sub, signInName: username };
    return [{ entity: 'user', action: 'create', ...names, attributes, enabled, mfa }];
  }
  const found = pool.user(username);
  const changes: UpdateUserTask = {
    entity: 'user',
    action: 'update',
    username,
    sub,
    target: { username, sub: found.attributes.get('sub') ?? null },
    attributes: Object.fromEntries(
      Object.entries(attributes).filter(([name, value]) => found.attributes.get(name) !== value),
    ),
    enabled: found.enabled === enabled ? null : enabled,
    password: found.status === 'FORCE_CHANGE_PASSWORD',
    mfa: unfinished.has(username) ? mfa : null,
  };
  const differs =
    Object.keys(changes.attributes).length > 0 || changes.enabled !== null || changes.password;
  return differs || unfinished.has(username) ? [changes] : [];
}

function isMember(pool: SimulatedPool, username: string, group: string): boolean {
  return pool.hasUser(username) && [...pool.groupNamesOf(username)].includes(group);
}

function identitiesOf(pool: SimulatedPool, username: string): string {
  return pool.hasUser(username) ? (pool.user(username).attributes.get('identities') ?? '') : '';
}

/** What a pool holds, in the form of the source. */
export function readPool(pool: SimulatedPool): Source {
  return {
    groups: [...pool.groups()].map(({ groupName, precedence }) => ({ groupName, precedence })),
    users: [...pool.users()]
      .map((user) => readUser(user, [...pool.groupNamesOf(user.username)]))
      .sort((a, b) => Number(a.username.slice(5)) - Number(b.username.slice(5))),
  };
}

function readUser(user: UserRecord, groups: string[]): SourceUser {
  const { identities = '[]', ...all } = Object.fromEntries(user.attributes);
  const attributes = Object.fromEntries(Object.entries(all).filter(([name]) => name !== 'sub'));
  return {
    username: user.username,
    sub: `old-${user.username.slice(5)}`,
    attributes,
    enabled: user.enabled,
    sms: user.mfaSettings.includes('SMS_MFA') && user.preferredMfa === 'SMS_MFA',
    links: (JSON.parse(identities) as { userId: string }[]).map(({ userId }) => userId).sort(),
    groups,
  };
}
