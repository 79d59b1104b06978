import {
  AdminGetUserCommand,
  type AdminGetUserCommandOutput,
  DescribeUserPoolCommand,
  GetCSVHeaderCommand,
  type UserType,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Group, MfaState, Pool, User } from '../model/directory.ts';
import { isPoolId } from '../model/pool-id.ts';
import type { TargetPool } from '../model/restore.ts';
import { decodeName, encodeName } from '../model/storable.ts';
import type { Mask } from '../privacy/mask.ts';
import type { Secrets } from '../privacy/secrets.ts';
import type { Buckets } from '../quota/buckets.ts';
import type { Operation } from '../quota/quotas.ts';
import type { CallMeter, CallObserver } from '../telemetry/calls.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createCaller, RETRY_POLICY, type RetryPolicy } from './call.ts';
import { MalformedAnswerError, UserNotFoundError } from './errors.ts';
import { type Listing, type ListingPage, listPages } from './listing.ts';
import {
  checkPoolDates,
  normaliseFoundUser,
  normaliseGroup,
  normaliseMfa,
  normalisePool,
  normaliseUser,
} from './normalise.ts';
import { FULL_PAGE, followPages, type Page, type PageStart } from './pages.ts';
import {
  listGroups,
  listGroupsForUser,
  listUserPools,
  listUsers,
  listUsersInGroup,
  type Range,
  type RawPage,
} from './requests.ts';
import { openSdk, type PoolAccess } from './sdk.ts';
import { createSettingsReads, type SettingsReads } from './settings-reads.ts';
import { prefixFilter } from './shards.ts';
import { normaliseTargetPool } from './target-pool.ts';
import { type CognitoWrites, createWrites } from './writes.ts';

/**
 * The service, for one account and Region. Every attempt passes its bucket; throttling, internal
 * errors and network faults are tried again (`call.ts`). Every method throws the errors of `errors.ts`
 * by the table in `error-table.ts`, and `signal.reason` at once on an abort.
 *
 * A stream requests a page when the caller asks for it, and ends only on an absent token. Names have
 * their stored form (`encodeName`), except in `list`.
 */
export interface Cognito {
  /** Throws ResourceNotFoundError if the pool does not exist in the Region. */
  describePool(poolId: string, signal: AbortSignal): Promise<Pool>;
  /** The same, with the rules that writes to the pool must respect. */
  describeTarget(poolId: string, signal: AbortSignal): Promise<TargetPool>;
  /** The columns of the service's own import job for this pool, in their order. */
  csvHeader(poolId: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Every pool of the account and Region. */
  listPools(signal: AbortSignal): AsyncIterable<ListedPool>;
  /** Like the next two, throws TokenRefusedError if the walk must start again. */
  groupPages(poolId: string, from: PageStart, signal: AbortSignal): AsyncIterable<Page<Group>>;
  /**
   * The users of one shard; all users for the prefix ''. Throws FilterRefusedError if the server does
   * not filter by `sub`.
   */
  userPages(
    poolId: string,
    prefix: string,
    from: PageStart,
    signal: AbortSignal,
  ): AsyncIterable<Page<User>>;
  /** Throws ResourceNotFoundError if the group or the pool does not exist. */
  memberPages(
    poolId: string,
    groupName: string,
    from: PageStart,
    signal: AbortSignal,
  ): AsyncIterable<Page<User>>;
  /** One user by name, or null. Throws ParameterRefusedError if the service refuses the name. */
  getUser(poolId: string, username: string, signal: AbortSignal): Promise<User | null>;
  /** The MFA state of a user by name, or null. Throws as `getUser` does. */
  getMfa(poolId: string, username: string, signal: AbortSignal): Promise<MfaState | null>;
  /** The names of a user's groups. Throws UserNotFoundError if the user does not exist. */
  groupNamesOf(poolId: string, username: string, signal: AbortSignal): Promise<string[]>;
  /** One user by `sub`, or null. Throws ParameterRefusedError if the service refuses the filter. */
  findBySub(poolId: string, sub: string, signal: AbortSignal): Promise<User | null>;
  /** The service's own listing, for a person. */
  list(listing: Listing, signal: AbortSignal): AsyncIterable<ListingPage>;
  /** The calls that read the settings of the pool. Null without `settingsOf`. */
  readonly settings: SettingsReads | null;
  /** The calls of a restore into this pool. Nothing else writes. */
  writesTo(poolId: string): CognitoWrites;
  /** Closes the connections. */
  close(): void;
}

/** A pool as ListUserPools lists it. */
export interface ListedPool {
  readonly poolId: string;
  readonly name: string;
}

interface CognitoOptions {
  readonly region: string;
  /** Default: the SDK's standard chain. */
  readonly access?: PoolAccess;
  readonly buckets: Buckets;
  readonly meter: CallMeter;
  /** Gets every attempt, and every page of a walk. */
  readonly observer?: CallObserver | undefined;
  /** Gets a line at level debug for each repeated attempt. */
  readonly log?: Logger;
  readonly retryPolicy?: RetryPolicy;
  /** Leaves out users who were forgotten, except in `list`. */
  readonly leaveOut?: (users: User[]) => Promise<User[]>;
  /** Hides attributes of every user that it returns, except in `list`. */
  readonly mask?: Mask;
  /** The pool whose settings are read, and what hashes their secrets. */
  readonly settingsOf?: { readonly pool: Pool; readonly secrets: Secrets } | undefined;
}

/** Opens the client; the first call connects. */
export function openCognito(options: CognitoOptions): Cognito {
  const { retryPolicy: policy = RETRY_POLICY, settingsOf } = options;
  const sdk = openSdk(options.region, options.access ?? { role: null });
  const call = createCaller({ ...options, sdk, policy });
  const hide = (user: User) => options.mask?.hideUser(user) ?? user;
  const toUser = (user: UserType) => hide(normaliseUser(user));
  const keepUsers = async (users: User[]) => (await options.leaveOut?.(users)) ?? users;
  const keepUser = async (user: User | null) =>
    user === null ? null : ((await keepUsers([user]))[0] ?? null);

  /** Reads the pages of one walk; `requestPage` requests the page at a token. */
  function readPages<Raw, T>(
    list: { operation: Operation; poolId: string; carriesShardFilter?: boolean },
    start: PageStart,
    requestPage: (range: Range, abortSignal: AbortSignal) => Promise<RawPage<Raw>>,
    normalise: (item: Raw) => T,
    signal: AbortSignal,
    keep: (items: T[]) => Promise<T[]> = async (items) => items,
  ): AsyncIterable<Page<T>> {
    let remaining = start.remaining ?? 0;
    return followPages(start, async (token) => {
      const { value, ...sent } = await call(
        {
          priority: remaining,
          carriesShardFilter: false,
          ...list,
          carriesToken: token !== null,
          send: async (abortSignal) => {
            const page = await requestPage({ limit: FULL_PAGE, token }, abortSignal);
            return { items: page.items.map(normalise), nextToken: page.nextToken };
          },
        },
        signal,
      );
      options.observer?.recordPage(list.operation, value.items.length);
      remaining = Math.max(remaining - value.items.length, 0);
      return { ...value, items: await keep(value.items), ...sent };
    });
  }

  /** Makes a call that is not part of a walk. */
  async function callOnce<T>(
    operation: Operation,
    poolId: string,
    send: (abortSignal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const context = { operation, poolId, carriesToken: false, carriesShardFilter: false };
    return (await call({ ...context, send }, signal)).value;
  }

  /** What AdminGetUser returns about a user by name; null if there is none. */
  async function askFor<T>(
    poolId: string,
    username: string,
    normalise: (user: AdminGetUserCommandOutput) => T,
    signal: AbortSignal,
  ): Promise<T | null> {
    const command = new AdminGetUserCommand({
      UserPoolId: poolId,
      Username: decodeName(username),
    });
    const send = async (abortSignal: AbortSignal) =>
      normalise(await sdk.send(command, { abortSignal }));
    try {
      return await callOnce('AdminGetUser', poolId, send, signal);
    } catch (error) {
      if (error instanceof UserNotFoundError) return null;
      throw error;
    }
  }

  return {
    describePool(poolId, signal) {
      const command = new DescribeUserPoolCommand({ UserPoolId: poolId });
      const send = async (abortSignal: AbortSignal) =>
        normalisePool(
          { poolId, region: options.region },
          (await sdk.send(command, { abortSignal })).UserPool,
        );
      return callOnce('DescribeUserPool', poolId, send, signal);
    },

    describeTarget(poolId, signal) {
      const command = new DescribeUserPoolCommand({ UserPoolId: poolId });
      const send = async (abortSignal: AbortSignal) =>
        normaliseTargetPool(
          { poolId, region: options.region },
          (await sdk.send(command, { abortSignal })).UserPool,
        );
      return callOnce('DescribeUserPool', poolId, send, signal);
    },

    csvHeader(poolId, signal) {
      const command = new GetCSVHeaderCommand({ UserPoolId: poolId });
      const send = async (abortSignal: AbortSignal) => {
        const { CSVHeader } = await sdk.send(command, { abortSignal });
        if (Array.isArray(CSVHeader) && CSVHeader.includes('cognito:username')) return CSVHeader;
        throw new MalformedAnswerError('the header of an import job lacks cognito:username');
      };
      return callOnce('GetCSVHeader', poolId, send, signal);
    },

    async *listPools(signal) {
      const pages = readPages(
        { operation: 'ListUserPools', poolId: '' },
        { token: null },
        ({ token }, abortSignal) => listUserPools(sdk, token, abortSignal),
        ({ Id, Name = '', ...pool }) => {
          checkPoolDates(pool);
          // The id becomes a part of object keys.
          if (!Id || !isPoolId(Id)) throw new MalformedAnswerError('a pool lacks a valid id');
          return { poolId: Id, name: Name };
        },
        signal,
      );
      for await (const page of pages) yield* page.items;
    },

    groupPages: (poolId, from, signal) =>
      readPages(
        { operation: 'ListGroups', poolId },
        from,
        (range, abortSignal) => listGroups(sdk, poolId, range, abortSignal),
        normaliseGroup,
        signal,
      ),

    userPages(poolId, prefix, from, signal) {
      const filter = prefix === '' ? undefined : prefixFilter(prefix);
      return readPages(
        { operation: 'ListUsers', poolId, carriesShardFilter: filter !== undefined },
        from,
        (range, abortSignal) => listUsers(sdk, poolId, range, { filter }, abortSignal),
        toUser,
        signal,
        keepUsers,
      );
    },

    memberPages: (poolId, groupName, from, signal) =>
      readPages(
        { operation: 'ListUsersInGroup', poolId },
        from,
        (range, abortSignal) =>
          listUsersInGroup(sdk, poolId, range, decodeName(groupName), abortSignal),
        toUser,
        signal,
        keepUsers,
      ),

    getUser: (poolId, username, signal) =>
      askFor(poolId, username, (user) => hide(normaliseFoundUser(user)), signal).then(keepUser),

    getMfa: (poolId, username, signal) => askFor(poolId, username, normaliseMfa, signal),

    async groupNamesOf(poolId, username, signal) {
      const pages = readPages(
        { operation: 'AdminListGroupsForUser', poolId },
        { token: null },
        (range, abortSignal) =>
          listGroupsForUser(sdk, poolId, range, decodeName(username), abortSignal),
        ({ GroupName }) => encodeName(GroupName ?? ''),
        signal,
      );
      const names: string[] = [];
      for await (const page of pages) names.push(...page.items);
      return names;
    },

    async findBySub(poolId, sub, signal) {
      const range = { limit: 1, token: null };
      const filter = `sub = ${JSON.stringify(sub)}`;
      const send = async (abortSignal: AbortSignal) =>
        (await listUsers(sdk, poolId, range, { filter }, abortSignal)).items.map(toUser);
      const users = await callOnce('ListUsers', poolId, send, signal);
      return keepUser(users.find((user) => user.sub === sub) ?? null);
    },

    list: (listing, signal) => listPages(sdk, call, listing, signal),

    settings: settingsOf
      ? createSettingsReads(sdk, call, settingsOf.pool, settingsOf.secrets)
      : null,

    writesTo: (poolId) => createWrites(sdk, call, poolId),

    close: () => sdk.destroy(),
  };
}
