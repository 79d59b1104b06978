import {
  AdminGetUserCommand,
  DescribeUserPoolCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Role } from '../config/pool-settings.ts';
import type { Group, Pool, User } from '../model/directory.ts';
import { isPoolId } from '../model/pool-id.ts';
import { decodeName } from '../model/storable.ts';
import type { Buckets } from '../quota/buckets.ts';
import type { Operation } from '../quota/quotas.ts';
import type { CallMeter, CallObserver } from '../telemetry/calls.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createCaller } from './call.ts';
import { MalformedAnswerError, UserNotFoundError } from './errors.ts';
import { type Listing, type ListingPage, listPages } from './listing.ts';
import {
  checkPoolDates,
  normaliseFoundUser,
  normaliseGroup,
  normalisePool,
  normaliseUser,
} from './normalise.ts';
import { FULL_PAGE, followPages, type Page, type PageStart } from './pages.ts';
import {
  listGroups,
  listUserPools,
  listUsers,
  listUsersInGroup,
  type Range,
  type RawPage,
} from './requests.ts';
import { RETRY_POLICY, type RetryPolicy } from './retry.ts';
import { openSdk } from './sdk.ts';
import { prefixFilter } from './shards.ts';

/**
 * The service, for one account and Region. Every attempt passes its bucket; throttling, internal
 * errors and network faults are tried again (`retry.ts`). Everything throws the errors of
 * `errors.ts` by the table in `error-table.ts`, and `signal.reason` at once on an abort.
 *
 * Streams ask for a page when it is asked of them, and end on an absent token alone. Names are given
 * and taken in the form in which they are kept (`storeName`); only `list` has the service's own.
 */
export interface Cognito {
  /** Throws ResourceNotFoundError where the Region has no such pool. */
  describePool(poolId: string, signal: AbortSignal): Promise<Pool>;
  /** Every pool of the account and Region. */
  listPoolIds(signal: AbortSignal): AsyncIterable<string>;
  /** Throws TokenRefusedError where the walk must start again, as the next two do. */
  groupPages(poolId: string, from: PageStart, signal: AbortSignal): AsyncIterable<Page<Group>>;
  /**
   * The users of one shard; of the whole pool where `prefix` is ''. Throws FilterRefusedError where
   * the server does not cut by `sub`.
   */
  userPages(
    poolId: string,
    prefix: string,
    from: PageStart,
    signal: AbortSignal,
  ): AsyncIterable<Page<User>>;
  /** Throws ResourceNotFoundError where there is no such group, or no such pool. */
  memberPages(
    poolId: string,
    groupName: string,
    from: PageStart,
    signal: AbortSignal,
  ): AsyncIterable<Page<User>>;
  /**
   * One user by name; null where there is none. Throws ParameterRefusedError where the service
   * refuses the name, as the next does for its filter.
   */
  getUser(poolId: string, username: string, signal: AbortSignal): Promise<User | null>;
  /** One user by `sub`, from the listing of users; null where there is none. */
  findBySub(poolId: string, sub: string, signal: AbortSignal): Promise<User | null>;
  /** The service's own listing, for a person. */
  list(listing: Listing, signal: AbortSignal): AsyncIterable<ListingPage>;
  /** Closes the connections. */
  close(): void;
}

export interface CognitoOptions {
  readonly region: string;
  /** Null: the credentials of the environment. */
  readonly role?: Role | null;
  readonly buckets: Buckets;
  readonly meter: CallMeter;
  /** Told of every attempt, and of every page of a walk. */
  readonly observer?: CallObserver | undefined;
  /** Told of attempts made again, at level debug. */
  readonly log?: Logger;
  readonly retryPolicy?: RetryPolicy;
}

/** Opens the service; the first call connects. */
export function openCognito(options: CognitoOptions): Cognito {
  const { retryPolicy: policy = RETRY_POLICY } = options;
  const sdk = openSdk(options.region, options.role ?? null);
  const call = createCaller({ ...options, sdk, policy });

  /** One walk: `request` asks for the page at a token. */
  function walk<Raw, T>(
    of: { operation: Operation; poolId: string; carriesShardFilter?: boolean },
    start: PageStart,
    request: (range: Range, abortSignal: AbortSignal) => Promise<RawPage<Raw>>,
    normalise: (item: Raw) => T,
    signal: AbortSignal,
  ): AsyncIterable<Page<T>> {
    let remaining = start.remaining ?? 0;
    return followPages(start, async (token) => {
      const { value, sentAt } = await call(
        {
          priority: remaining,
          carriesShardFilter: false,
          ...of,
          carriesToken: token !== null,
          send: async (abortSignal) => {
            const page = await request({ limit: FULL_PAGE, token }, abortSignal);
            return { items: page.items.map(normalise), nextToken: page.nextToken };
          },
        },
        signal,
      );
      options.observer?.page(of.operation, value.items.length);
      remaining = Math.max(remaining - value.items.length, 0);
      return { ...value, sentAt };
    });
  }

  /** One call about one thing. */
  async function ask<T>(
    operation: Operation,
    poolId: string,
    send: (abortSignal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const context = { operation, poolId, carriesToken: false, carriesShardFilter: false };
    return (await call({ ...context, send }, signal)).value;
  }

  return {
    describePool(poolId, signal) {
      const command = new DescribeUserPoolCommand({ UserPoolId: poolId });
      const send = async (abortSignal: AbortSignal) =>
        normalisePool(
          { poolId, region: options.region },
          (await sdk.send(command, { abortSignal })).UserPool,
        );
      return ask('DescribeUserPool', poolId, send, signal);
    },

    async *listPoolIds(signal) {
      const pages = walk(
        { operation: 'ListUserPools', poolId: '' },
        { token: null },
        ({ token }, abortSignal) => listUserPools(sdk, token, abortSignal),
        ({ Id, ...pool }) => {
          checkPoolDates(pool);
          // It becomes a part of object keys.
          if (!Id || !isPoolId(Id)) throw new MalformedAnswerError('a pool has no id of a pool');
          return Id;
        },
        signal,
      );
      for await (const page of pages) yield* page.items;
    },

    groupPages: (poolId, from, signal) =>
      walk(
        { operation: 'ListGroups', poolId },
        from,
        (range, abortSignal) => listGroups(sdk, poolId, range, abortSignal),
        normaliseGroup,
        signal,
      ),

    userPages(poolId, prefix, from, signal) {
      const filter = prefix === '' ? undefined : prefixFilter(prefix);
      return walk(
        { operation: 'ListUsers', poolId, carriesShardFilter: filter !== undefined },
        from,
        (range, abortSignal) => listUsers(sdk, poolId, range, { filter }, abortSignal),
        normaliseUser,
        signal,
      );
    },

    memberPages: (poolId, groupName, from, signal) =>
      walk(
        { operation: 'ListUsersInGroup', poolId },
        from,
        (range, abortSignal) =>
          listUsersInGroup(sdk, poolId, range, decodeName(groupName), abortSignal),
        normaliseUser,
        signal,
      ),

    async getUser(poolId, username, signal) {
      const command = new AdminGetUserCommand({
        UserPoolId: poolId,
        Username: decodeName(username),
      });
      const send = async (abortSignal: AbortSignal) =>
        normaliseFoundUser(await sdk.send(command, { abortSignal }));
      try {
        return await ask('AdminGetUser', poolId, send, signal);
      } catch (error) {
        if (error instanceof UserNotFoundError) return null;
        throw error;
      }
    },

    async findBySub(poolId, sub, signal) {
      const range = { limit: 1, token: null };
      const filter = `sub = ${JSON.stringify(sub)}`;
      const send = async (abortSignal: AbortSignal) =>
        (await listUsers(sdk, poolId, range, { filter }, abortSignal)).items.map(normaliseUser);
      const users = await ask('ListUsers', poolId, send, signal);
      return users.find((user) => user.sub === sub) ?? null;
    },

    list: (listing, signal) => listPages(sdk, call, listing, signal),

    close: () => sdk.destroy(),
  };
}
