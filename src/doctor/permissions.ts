import { type Cognito, openCognito } from '../cognito/client.ts';
import { ResourceNotFoundError } from '../cognito/errors.ts';
import { HashKey } from '../privacy/hash-key.ts';
import { Secrets } from '../privacy/secrets.ts';
import type { ReadOperation } from '../quota/quotas.ts';
import { describePool } from '../runner/describe-pool.ts';
import { CallMeter } from '../telemetry/calls.ts';
import { QUICK_CALLS, SILENT } from './context.ts';
import type { Surroundings } from './surroundings.ts';

/** A name that no user, group, client, provider or domain has. The call is allowed, and finds nothing. */
const ABSENT_NAME = 'cognitomirrordoctor';
const NO_SUB = '00000000-0000-4000-8000-000000000000';

/** One call for each action, and what ends them. */
interface Permissions {
  readonly calls: readonly {
    readonly action: ReadOperation;
    readonly call: (signal: AbortSignal) => Promise<unknown>;
  }[];
  readonly close: () => void;
}

/** The calls that a snapshot of a pool makes with this configuration, in their cheapest form. */
export async function listPermissions(
  { config, context, buckets, settingsOf }: Surroundings,
  poolId: string,
): Promise<Permissions> {
  const { role, region, poolSettings } = settingsOf(poolId);
  const access = { ...context.access, role };
  const open = await buckets();
  const meter = new CallMeter();
  const quick = { region, access, retryPolicy: QUICK_CALLS, log: SILENT };
  const pool = await describePool(
    { ...quick, buckets: open },
    poolId,
    meter,
    AbortSignal.timeout(QUICK_CALLS.attemptMs),
  );
  const { hashKey } = config;
  const secrets =
    poolSettings && hashKey !== null ? new Secrets(poolId, new HashKey(hashKey)) : null;
  const cognito = openCognito({
    ...quick,
    meter,
    buckets: open.of(pool.accountId, region),
    ...(secrets !== null && { settingsOf: { pool, secrets } }),
  });
  return {
    calls: [
      { action: 'DescribeUserPool', call: (signal) => cognito.describePool(poolId, signal) },
      {
        action: 'ListGroups',
        call: (signal) => readOnePage(cognito.groupPages(poolId, { token: null }, signal)),
      },
      { action: 'ListUsers', call: (signal) => cognito.findBySub(poolId, NO_SUB, signal) },
      {
        action: 'ListUsersInGroup',
        call: (signal) =>
          readOnePage(cognito.memberPages(poolId, ABSENT_NAME, { token: null }, signal)).catch(
            isGone,
          ),
      },
      { action: 'AdminGetUser', call: (signal) => cognito.getUser(poolId, ABSENT_NAME, signal) },
      ...settingsCalls(cognito),
    ],
    close: () => cognito.close(),
  };
}

/** The calls that read the settings of a pool; none if snapshots do not keep them. */
function settingsCalls({ settings }: Cognito): Permissions['calls'] {
  if (settings === null) return [];
  return [
    { action: 'GetUserPoolMfaConfig', call: (signal) => settings.mfa(signal) },
    { action: 'ListUserPoolClients', call: (signal) => settings.listClients(signal) },
    { action: 'DescribeUserPoolClient', call: (signal) => settings.client(ABSENT_NAME, signal) },
    { action: 'ListIdentityProviders', call: (signal) => settings.listProviders(signal) },
    {
      action: 'DescribeIdentityProvider',
      call: (signal) => settings.provider(ABSENT_NAME, signal),
    },
    { action: 'ListResourceServers', call: (signal) => settings.resourceServers(signal) },
    { action: 'DescribeUserPoolDomain', call: (signal) => settings.domain(ABSENT_NAME, signal) },
    { action: 'GetUICustomization', call: (signal) => settings.ui('ALL', signal) },
    { action: 'ListTagsForResource', call: (signal) => settings.tags(signal) },
  ];
}

/** The first page of a walk. */
async function readOnePage(pages: AsyncIterable<unknown>): Promise<void> {
  for await (const page of pages) {
    void page;
    return;
  }
}

/** What the service says of a group that does not exist, after it checked the permission. */
function isGone(error: unknown): void {
  if (!(error instanceof ResourceNotFoundError)) throw error;
}
