import {
  AdminListGroupsForUserCommand,
  type GroupType,
  ListGroupsCommand,
  ListUserPoolsCommand,
  ListUsersCommand,
  ListUsersInGroupCommand,
  type UserPoolDescriptionType,
  type UserType,
} from '@aws-sdk/client-cognito-identity-provider';
import { isStorable } from '../model/storable.ts';
import { MalformedAnswerError } from './errors.ts';
import { FULL_PAGE } from './pages.ts';
import type { Sdk } from './sdk.ts';

/** The part of a listing to request. */
export interface Range {
  /** The most items; the service chooses if undefined. */
  readonly limit: number | undefined;
  readonly token: string | null;
}

/** A page as the service sent it. */
export interface RawPage<Raw> {
  readonly items: Raw[];
  readonly nextToken: string | null;
}

export async function listUsers(
  sdk: Sdk,
  poolId: string,
  { limit, token }: Range,
  choice: { filter?: string | undefined; attributes?: readonly string[] | undefined },
  abortSignal: AbortSignal,
): Promise<RawPage<UserType>> {
  const command = new ListUsersCommand({
    UserPoolId: poolId,
    Limit: limit,
    PaginationToken: token ?? undefined,
    Filter: choice.filter,
    AttributesToGet: choice.attributes && [...choice.attributes],
  });
  const { Users, PaginationToken } = await sdk.send(command, { abortSignal });
  return checkPage(Users, PaginationToken);
}

export async function listUsersInGroup(
  sdk: Sdk,
  poolId: string,
  { limit, token }: Range,
  groupName: string,
  abortSignal: AbortSignal,
): Promise<RawPage<UserType>> {
  const command = new ListUsersInGroupCommand({
    UserPoolId: poolId,
    GroupName: groupName,
    Limit: limit,
    NextToken: token ?? undefined,
  });
  const { Users, NextToken } = await sdk.send(command, { abortSignal });
  return checkPage(Users, NextToken);
}

export async function listGroups(
  sdk: Sdk,
  poolId: string,
  { limit, token }: Range,
  abortSignal: AbortSignal,
): Promise<RawPage<GroupType>> {
  const command = new ListGroupsCommand({
    UserPoolId: poolId,
    Limit: limit,
    NextToken: token ?? undefined,
  });
  const { Groups, NextToken } = await sdk.send(command, { abortSignal });
  return checkPage(Groups, NextToken);
}

export async function listGroupsForUser(
  sdk: Sdk,
  poolId: string,
  { limit, token }: Range,
  username: string,
  abortSignal: AbortSignal,
): Promise<RawPage<GroupType>> {
  const command = new AdminListGroupsForUserCommand({
    UserPoolId: poolId,
    Username: username,
    Limit: limit,
    NextToken: token ?? undefined,
  });
  const { Groups, NextToken } = await sdk.send(command, { abortSignal });
  return checkPage(Groups, NextToken);
}

export async function listUserPools(
  sdk: Sdk,
  token: string | null,
  abortSignal: AbortSignal,
): Promise<RawPage<UserPoolDescriptionType>> {
  const command = new ListUserPoolsCommand({
    MaxResults: FULL_PAGE,
    NextToken: token ?? undefined,
  });
  const { UserPools, NextToken } = await sdk.send(command, { abortSignal });
  return checkPage(UserPools, NextToken);
}

/**
 * Refuses an answer without its list, which would look like an empty page, and a token that a
 * checkpoint cannot hold. Either could end a walk too early.
 */
function checkPage<Raw>(items: Raw[] | undefined, nextToken: string | undefined): RawPage<Raw> {
  if (!Array.isArray(items) || !items.every((item) => typeof item === 'object' && item !== null)) {
    throw new MalformedAnswerError('a page lacks its list of items');
  }
  const token: unknown = nextToken ?? '';
  if (typeof token !== 'string' || !isStorable(token)) {
    throw new MalformedAnswerError('the token of a page is not storable text');
  }
  return { items, nextToken: token || null };
}
