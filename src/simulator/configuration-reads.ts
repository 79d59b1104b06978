import { type Call, findPool, findPoolOfArn } from './call.ts';
import type { Resource } from './configuration.ts';
import { ServiceError } from './errors.ts';
import { readPage } from './paging.ts';

/** GetUserPoolMfaConfig: the second factors of a pool. */
export function getUserPoolMfaConfig(call: Call): string {
  const { settings, configuration } = findPool(call);
  const { mfaConfiguration: MfaConfiguration } = settings;
  return JSON.stringify({ ...configuration.mfa, MfaConfiguration });
}

/** ListUserPoolClients: ids and names, sorted by id. */
export function listUserPoolClients(call: Call): string {
  const { clients } = findPool(call).configuration;
  return listResources(call, 'UserPoolClients', clients, ['ClientId', 'UserPoolId', 'ClientName']);
}

/** DescribeUserPoolClient: a client with its secret. */
export function describeUserPoolClient(call: Call): string {
  const id = call.input.ClientId ?? '';
  const UserPoolClient = findPool(call).configuration.clients.get(id);
  if (UserPoolClient === undefined) throw notFound(`User pool client ${id} does not exist.`);
  return JSON.stringify({ UserPoolClient });
}

/** ListIdentityProviders: names and types, sorted by name. */
export function listIdentityProviders(call: Call): string {
  const { providers } = findPool(call).configuration;
  const names = ['ProviderName', 'ProviderType', 'LastModifiedDate', 'CreationDate'];
  return listResources(call, 'Providers', providers, names);
}

/** DescribeIdentityProvider: a provider with its secrets. */
export function describeIdentityProvider(call: Call): string {
  const name = call.input.ProviderName ?? '';
  const IdentityProvider = findPool(call).configuration.providers.get(name);
  if (IdentityProvider === undefined) throw notFound(`Identity provider ${name} does not exist.`);
  return JSON.stringify({ IdentityProvider });
}

/** ListResourceServers: whole resource servers, sorted by identifier. */
export function listResourceServers(call: Call): string {
  const { resourceServers } = findPool(call).configuration;
  const names = ['UserPoolId', 'Identifier', 'Name', 'Scopes'];
  return listResources(call, 'ResourceServers', resourceServers, names);
}

/** DescribeUserPoolDomain: empty if no pool has the domain. It names no pool. */
export function describeUserPoolDomain(call: Call): string {
  const pools = [...call.services.pools.values()].filter(
    ({ settings }) => settings.region === call.region,
  );
  const DomainDescription = pools
    .map(({ configuration }) => configuration.domain)
    .find((domain) => domain?.['Domain'] === call.input.Domain);
  return JSON.stringify({ DomainDescription: DomainDescription ?? {} });
}

/** GetUICustomization: that of the client, else that of the pool, else none. */
export function getUiCustomization(call: Call): string {
  const { ui } = findPool(call).configuration;
  const UICustomization = ui.get(call.input.ClientId ?? 'ALL') ?? ui.get('ALL') ?? {};
  return JSON.stringify({ UICustomization });
}

/** ListTagsForResource: the tags of a pool. */
export function listTagsForResource(call: Call): string {
  const { tags } = findPoolOfArn(call).configuration;
  return JSON.stringify({ Tags: Object.fromEntries(tags) });
}

function notFound(message: string): ServiceError {
  return new ServiceError('ResourceNotFoundException', message);
}

function listResources(
  call: Call,
  list: string,
  resources: ReadonlyMap<string, Resource>,
  fields: readonly string[],
): string {
  const { MaxResults, NextToken, UserPoolId } = call.input;
  const keys = [...resources.keys()].sort();
  const page = readPage<string>(call, {
    limit: MaxResults ?? 60,
    token: NextToken,
    scope: [UserPoolId, list],
    steps: function* (from) {
      for (const key of keys) if (key > String(from ?? '')) yield { item: key, after: key };
    },
    render: (key) => {
      const resource = resources.get(key) ?? {};
      return JSON.stringify(Object.fromEntries(fields.map((name) => [name, resource[name]])));
    },
  });
  const token = page.token === undefined ? '' : `,"NextToken":"${page.token}"`;
  return `{"${list}":${page.json}${token}}`;
}
