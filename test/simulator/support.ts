import {
  CognitoIdentityProviderClient,
  type GroupType,
  ListGroupsCommand,
  ListUsersCommand,
  type ListUsersCommandInput,
  ListUsersInGroupCommand,
  type UserType,
} from '@aws-sdk/client-cognito-identity-provider';
import { onTestFinished } from 'vitest';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/index.ts';
import { DEFAULT_POOL_ID } from '../../src/simulator/options.ts';
import type { SimulatedPool } from '../../src/simulator/pool.ts';
import type { GroupRecord, UserRecord } from '../../src/simulator/records.ts';

export const POOL = DEFAULT_POOL_ID;

/** A client of the simulator as programs create it, but without retries. */
export function clientOf(
  { url }: Pick<Simulator, 'url'>,
  region = 'us-east-1',
  accessKeyId = 'any',
) {
  return new CognitoIdentityProviderClient({
    region,
    endpoint: url,
    credentials: { accessKeyId, secretAccessKey: 'any' },
    maxAttempts: 1,
  });
}

/** A simulator without quotas, its first pool and a client; closed at the end of the test. */
export async function simulate(options: SimulatorOptions = {}): Promise<{
  simulator: Simulator;
  pool: SimulatedPool;
  client: CognitoIdentityProviderClient;
}> {
  const simulator = await startSimulator({ rps: 0, users: 200, groups: 12, ...options });
  const client = clientOf(simulator);
  onTestFinished(async () => {
    client.destroy();
    await simulator.close();
  });
  return { simulator, pool: simulator.pool(), client };
}

/** The error of a call that fails. */
export async function failure(call: Promise<unknown>): Promise<Error & { $metadata?: unknown }> {
  return call.then(
    () => {
      throw new Error('The call did not fail.');
    },
    (error: Error) => error,
  );
}

/** Every page of ListUsers. */
export async function listAll(
  client: CognitoIdentityProviderClient,
  input: Partial<ListUsersCommandInput> = {},
): Promise<UserType[][]> {
  const pages: UserType[][] = [];
  let token: string | undefined;
  do {
    const page = await client.send(
      new ListUsersCommand({ UserPoolId: POOL, ...input, PaginationToken: token }),
    );
    pages.push(page.Users ?? []);
    token = page.PaginationToken;
  } while (token !== undefined);
  return pages;
}

/** Every page of ListUsersInGroup. */
export async function membersOf(
  client: CognitoIdentityProviderClient,
  GroupName: string,
  Limit?: number,
): Promise<UserType[][]> {
  const pages: UserType[][] = [];
  let token: string | undefined;
  do {
    const page = await client.send(
      new ListUsersInGroupCommand({ UserPoolId: POOL, GroupName, Limit, NextToken: token }),
    );
    pages.push(page.Users ?? []);
    token = page.NextToken;
  } while (token !== undefined);
  return pages;
}

/** Every group of ListGroups. */
export async function groupsOf(client: CognitoIdentityProviderClient): Promise<GroupType[]> {
  const groups: GroupType[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(new ListGroupsCommand({ UserPoolId: POOL, NextToken: token }));
    groups.push(...(page.Groups ?? []));
    token = page.NextToken;
  } while (token !== undefined);
  return groups;
}

/** A user in the form of the list operations. */
export function expectedUser(user: UserRecord): UserType {
  return {
    Username: user.username,
    Attributes: [...user.attributes].map(([Name, Value]) => ({ Name, Value })),
    UserCreateDate: new Date(user.createdAt),
    UserLastModifiedDate: new Date(user.modifiedAt),
    Enabled: user.enabled,
    UserStatus: user.status as NonNullable<UserType['UserStatus']>,
    ...(user.mfaOptions.length === 0 ? {} : { MFAOptions: [...user.mfaOptions] as never }),
  };
}

/** A group in the form of the service. */
export function expectedGroup(group: GroupRecord): GroupType {
  return {
    GroupName: group.groupName,
    UserPoolId: POOL,
    ...(group.description === null ? {} : { Description: group.description }),
    ...(group.roleArn === null ? {} : { RoleArn: group.roleArn }),
    ...(group.precedence === null ? {} : { Precedence: group.precedence }),
    LastModifiedDate: new Date(group.modifiedAt),
    CreationDate: new Date(group.createdAt),
  };
}

/** Sorts users by username, to compare sets. */
export function byName<Item extends { Username?: string | undefined }>(users: Item[]): Item[] {
  return users.toSorted((a, b) => ((a.Username ?? '') < (b.Username ?? '') ? -1 : 1));
}
