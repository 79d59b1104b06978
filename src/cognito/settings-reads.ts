import {
  DescribeIdentityProviderCommand,
  DescribeUserPoolClientCommand,
  DescribeUserPoolCommand,
  DescribeUserPoolDomainCommand,
  GetUICustomizationCommand,
  GetUserPoolMfaConfigCommand,
  ListIdentityProvidersCommand,
  ListResourceServersCommand,
  ListTagsForResourceCommand,
  ListUserPoolClientsCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Pool } from '../model/directory.ts';
import type { Json, Settings } from '../model/pool-settings.ts';
import { decodeName, encodeName, escapeUnstorable, isStorable } from '../model/storable.ts';
import type { Secrets } from '../privacy/secrets.ts';
import type { ReadOperation } from '../quota/quotas.ts';
import type { Caller } from './call.ts';
import { MalformedAnswerError, ResourceNotFoundError } from './errors.ts';
import { FULL_PAGE, followPages } from './pages.ts';
import type { Sdk } from './sdk.ts';

/** The most resource servers of a page (API reference). */
const FULL_PAGE_OF_SERVERS = 50;

/** What DescribeUserPool says, and what other calls repeat or what changes by itself. */
const NOT_OF_THE_POOL = ['EstimatedNumberOfUsers', 'UserPoolTags'];

/**
 * The calls that read the settings of one pool. Secrets are hashed, lists are sorted, and text that
 * Postgres cannot store is escaped. Each call takes its permit and is tried again like every call that
 * reads, and throws the errors of `errors.ts`.
 */
export interface SettingsReads {
  /** The pool by part, and the names of its domains. */
  describePool(signal: AbortSignal): Promise<{
    readonly parts: ReadonlyMap<string, Settings>;
    readonly domains: readonly string[];
  }>;
  mfa(signal: AbortSignal): Promise<Settings>;
  tags(signal: AbortSignal): Promise<Settings>;
  listClients(signal: AbortSignal): Promise<string[]>;
  /** Null if it does not exist any more; the same for the others. */
  client(id: string, signal: AbortSignal): Promise<Settings | null>;
  listProviders(signal: AbortSignal): Promise<string[]>;
  provider(name: string, signal: AbortSignal): Promise<Settings | null>;
  /** By identifier. */
  resourceServers(signal: AbortSignal): Promise<ReadonlyMap<string, Settings>>;
  domain(name: string, signal: AbortSignal): Promise<Settings | null>;
  /** The look of a client's own pages, or of the whole pool for `ALL`; null if it has none. */
  ui(clientId: string, signal: AbortSignal): Promise<Settings | null>;
}

export function createSettingsReads(
  sdk: Sdk,
  call: Caller,
  { poolId, arn }: Pick<Pool, 'poolId' | 'arn'>,
  secrets: Secrets,
): SettingsReads {
  const UserPoolId = poolId;

  async function request<T>(
    operation: ReadOperation,
    send: (abortSignal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    carriesToken = false,
  ): Promise<T> {
    const context = { operation, poolId, carriesToken, carriesShardFilter: false };
    return (await call({ ...context, send }, signal)).value;
  }

  /** One object of an answer, as the settings of a part. */
  const toSettings = (part: string, value: unknown): Settings => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new MalformedAnswerError(`the settings of ${part.split('/')[0]} are missing`);
    }
    return secrets.hide(part, normalise(JSON.parse(JSON.stringify(value))) as Settings);
  };

  async function* listAll<Item>(
    operation: ReadOperation,
    list: (
      token: string | undefined,
      abortSignal: AbortSignal,
    ) => Promise<{ items: Item[] | undefined; nextToken: string | undefined }>,
    signal: AbortSignal,
  ): AsyncGenerator<Item> {
    const pages = followPages({ token: null }, (token) =>
      request(
        operation,
        async (abortSignal) => {
          const { items, nextToken } = await list(token ?? undefined, abortSignal);
          if (!Array.isArray(items)) throw new MalformedAnswerError('a page lacks its list');
          return { items, nextToken: nextToken || null };
        },
        signal,
        token !== null,
      ),
    );
    for await (const { items } of pages) yield* items;
  }

  /** The settings of a resource, or null if it is gone. */
  const orNull = async (reading: Promise<Settings>): Promise<Settings | null> => {
    try {
      return await reading;
    } catch (error) {
      if (error instanceof ResourceNotFoundError) return null;
      throw error;
    }
  };

  return {
    describePool: (signal) =>
      request(
        'DescribeUserPool',
        async (abortSignal) => {
          const command = new DescribeUserPoolCommand({ UserPoolId });
          const { UserPool } = await sdk.send(command, { abortSignal });
          const { SchemaAttributes, LambdaConfig, Policies, ...pool } = { ...UserPool };
          const { PasswordPolicy, ...policies } = { ...Policies };
          const rest = Object.entries({ ...pool, Policies: policies });
          const own = Object.fromEntries(rest.filter(([name]) => !NOT_OF_THE_POOL.includes(name)));
          const parts = new Map(
            Object.entries({
              pool: own,
              password_policy: PasswordPolicy ?? {},
              schema: { SchemaAttributes: SchemaAttributes ?? [] },
              triggers: LambdaConfig ?? {},
            }).map(([part, value]) => [part, toSettings(part, value)]),
          );
          const domains = [pool.Domain, pool.CustomDomain].filter((name) => name !== undefined);
          return { parts, domains: [...new Set(domains)].sort() };
        },
        signal,
      ),

    mfa: (signal) =>
      request(
        'GetUserPoolMfaConfig',
        async (abortSignal) => {
          const command = new GetUserPoolMfaConfigCommand({ UserPoolId });
          const answer = await sdk.send(command, { abortSignal });
          // Undefined fields count as missing.
          return toSettings('mfa', { ...answer, $metadata: undefined });
        },
        signal,
      ),

    tags: (signal) =>
      request(
        'ListTagsForResource',
        async (abortSignal) => {
          const command = new ListTagsForResourceCommand({ ResourceArn: arn });
          const { Tags } = await sdk.send(command, { abortSignal });
          return toSettings('tags', Tags ?? {});
        },
        signal,
      ),

    async listClients(signal) {
      const ids: string[] = [];
      const clients = listAll(
        'ListUserPoolClients',
        async (NextToken, abortSignal) => {
          const input = { UserPoolId, MaxResults: FULL_PAGE, NextToken };
          const page = await sdk.send(new ListUserPoolClientsCommand(input), { abortSignal });
          return { items: page.UserPoolClients, nextToken: page.NextToken };
        },
        signal,
      );
      for await (const { ClientId } of clients) ids.push(requireName(ClientId));
      return ids.sort();
    },

    client: (id, signal) =>
      orNull(
        request(
          'DescribeUserPoolClient',
          async (abortSignal) => {
            const command = new DescribeUserPoolClientCommand({ UserPoolId, ClientId: id });
            const { UserPoolClient } = await sdk.send(command, { abortSignal });
            return toSettings(`client/${id}`, UserPoolClient);
          },
          signal,
        ),
      ),

    async listProviders(signal) {
      const names: string[] = [];
      const providers = listAll(
        'ListIdentityProviders',
        async (NextToken, abortSignal) => {
          const input = { UserPoolId, MaxResults: FULL_PAGE, NextToken };
          const page = await sdk.send(new ListIdentityProvidersCommand(input), { abortSignal });
          return { items: page.Providers, nextToken: page.NextToken };
        },
        signal,
      );
      for await (const { ProviderName } of providers) names.push(requireName(ProviderName));
      return names.sort();
    },

    provider: (name, signal) =>
      orNull(
        request(
          'DescribeIdentityProvider',
          async (abortSignal) => {
            const command = new DescribeIdentityProviderCommand({
              UserPoolId,
              ProviderName: decodeName(name),
            });
            const { IdentityProvider } = await sdk.send(command, { abortSignal });
            return toSettings(`provider/${name}`, IdentityProvider);
          },
          signal,
        ),
      ),

    async resourceServers(signal) {
      const servers = new Map<string, Settings>();
      const listed = listAll(
        'ListResourceServers',
        async (NextToken, abortSignal) => {
          const input = { UserPoolId, MaxResults: FULL_PAGE_OF_SERVERS, NextToken };
          const page = await sdk.send(new ListResourceServersCommand(input), { abortSignal });
          return { items: page.ResourceServers, nextToken: page.NextToken };
        },
        signal,
      );
      for await (const server of listed) {
        const id = requireName(server.Identifier);
        servers.set(id, toSettings(`resource_server/${id}`, server));
      }
      return servers;
    },

    domain: (name, signal) =>
      orNull(
        request(
          'DescribeUserPoolDomain',
          async (abortSignal) => {
            const command = new DescribeUserPoolDomainCommand({ Domain: name });
            const { DomainDescription } = await sdk.send(command, { abortSignal });
            return toSettings(`domain/${name}`, DomainDescription);
          },
          signal,
        ),
      ),

    async ui(clientId, signal) {
      const isPools = clientId === 'ALL';
      const found = await orNull(
        request(
          'GetUICustomization',
          async (abortSignal) => {
            const input = { UserPoolId, ...(!isPools && { ClientId: clientId }) };
            const command = new GetUICustomizationCommand(input);
            const { UICustomization } = await sdk.send(command, { abortSignal });
            return toSettings(`ui/${clientId}`, UICustomization ?? {});
          },
          signal,
        ),
      );
      // A client without a look of its own has that of the pool, under whose name it is returned.
      const isOwn =
        found?.['ClientId'] === clientId || (isPools && found?.['ClientId'] === undefined);
      return isOwn && (found?.['CSS'] ?? found?.['ImageUrl'] ?? null) !== null ? found : null;
    },
  };
}

function requireName(name: unknown): string {
  if (typeof name !== 'string' || name === '') {
    throw new MalformedAnswerError('a resource of the pool lacks its name');
  }
  return encodeName(name);
}

/**
 * A value of an answer in a form that compares. Every list of these answers is a set, whose order the
 * service does not promise.
 */
function normalise(value: Json): Json {
  if (typeof value === 'string') return isStorable(value) ? value : escapeUnstorable(value);
  if (Array.isArray(value)) {
    const keyed = value.map(normalise).map((each) => ({ each, key: JSON.stringify(each) }));
    return keyed
      .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
      .map(({ each }) => each);
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, each]) => [encodeName(name), normalise(each)]));
}
