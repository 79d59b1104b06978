import { ParameterRefusedError } from '../cognito/errors.ts';
import { formatCommand } from '../common/command.ts';
import { counted, formatCount } from '../common/text.ts';
import { POOL_REMEDY, parseRegion } from '../model/pool-id.ts';
import { type CheckDefinition, type CheckResult, failed, ok, warning } from './check.ts';
import { compareClocks } from './clocks.ts';
import { explainFailure } from './explain.ts';
import { listPermissions } from './permissions.ts';

const NETWORK = 'Check the network, HTTPS_PROXY and AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER.';

const credentialsCheck: CheckDefinition = {
  id: 'credentials',
  title: 'AWS credentials',
  examines: 'whether AWS credentials are found and valid, and whose they are (GetCallerIdentity)',
  isQuick: false,
  remedy: NETWORK,
  examine: async ({ identity }) => {
    const answer = await identity();
    if (answer === null) {
      return [
        ok('Found. Their account is not looked up, because the service has its own endpoint.'),
      ];
    }
    if (answer.refusal !== null) throw answer.refusal;
    if (answer.identity === null) return [ok('Found. The endpoint of STS does not say whose.')];
    const { account, who } = answer.identity;
    return [ok(`Account ${account}, ${who}.`)];
  },
};

const clockCheck: CheckDefinition = {
  id: 'clock-aws',
  title: 'Clock of AWS',
  examines:
    "this machine's clock against that of AWS, which refuses signatures that are minutes off",
  isQuick: false,
  remedy: NETWORK,
  examine: async ({ identity }) => {
    const answer = await identity().catch(() => null);
    if (!answer?.clock) return [];
    // A Date header has whole seconds.
    return [compareClocks('AWS', answer.clock, { precisionMs: 1_000, isRefused: true })];
  },
};

const poolsCheck: CheckDefinition = {
  id: 'pools',
  title: 'Pools',
  examines: 'which pools are to be mirrored. With `all`, whether they can be listed',
  isQuick: false,
  remedy: NETWORK,
  examine: async ({ config: { pools }, isUsable, findPools }) => {
    if (!isUsable('COGNITO_POOLS')) return [];
    const { found, unknown } = await findPools();
    if (unknown.length > 0) {
      return unknown.map(({ name, ids }) => {
        const quoted = JSON.stringify(name);
        return ids.length === 0
          ? failed(`No pool of the account has the name ${quoted}.`, POOL_REMEDY)
          : failed(`${ids.length} pools have the name ${quoted}: ${ids.join(', ')}.`, POOL_REMEDY);
      });
    }
    if (pools === 'all') {
      const text = `${counted(found.length, 'pool')} in the account and Region`;
      return [
        found.length > 0
          ? ok(`${text}.`)
          : warning(
              `${text}: another account or Region was probably meant.`,
              'Set AWS_REGION to the Region of the pools, or use the credentials of their account.',
            ),
      ];
    }
    if (found.length > 0) return [ok(`${counted(found.length, 'pool')}: ${found.join(', ')}.`)];
    return [
      warning(
        'None is named.',
        `Set COGNITO_POOLS to pool ids such as us-east-1_Ab12Cd34, or to \`all\`. \`${formatCommand(['init'])}\` lists the pools of the account, and writes the settings.`,
      ),
    ];
  },
};

const poolCheck: CheckDefinition = {
  id: 'pool',
  title: 'Pool',
  examines:
    'that each pool exists in its Region; its account, tier, estimated users and deletion protection',
  isQuick: false,
  remedy: NETWORK,
  subjects: ({ poolIds }) => poolIds(),
  examine: async ({ settingsOf, describe, identity }, _, poolId) => {
    const pool = await describe(poolId);
    const { region, role } = settingsOf(poolId);
    const facts = [
      `account ${pool.accountId}, ${region}`,
      ...(region === parseRegion(poolId) ? [] : [`a replica of ${parseRegion(poolId)}`]),
      ...(pool.tier === null ? [] : [`tier ${pool.tier}`]),
      `about ${formatCount(pool.estimatedUsers)} users`,
      ...(role === null ? [] : [`read with ${role.arn}`]),
    ];
    const results: CheckResult[] = [ok(`${facts.join(', ')}.`)];
    const own = (await identity().catch(() => null))?.identity?.account;
    if (
      role === null &&
      own !== undefined &&
      /^\d{12}$/.test(pool.accountId) &&
      own !== pool.accountId
    ) {
      results.push(
        warning(
          `The credentials are of account ${own}.`,
          'Check that this is the pool that you meant.',
        ),
      );
    }
    if (pool.deletionProtection === false) {
      results.push(
        warning(
          'Deletion protection is off: one call deletes the pool with all its users.',
          'Turn it on in the Cognito console, in the settings of the pool. (The API resets whatever UpdateUserPool does not name.)',
        ),
      );
    }
    return results;
  },
};

const permissionsCheck: CheckDefinition = {
  id: 'permissions',
  title: 'Permissions for',
  examines:
    'each [IAM action](IAM.md) that this configuration needs for each pool, by one cheap call. It reads no user. Actions that write, which only `restore` needs, are not tried',
  isQuick: false,
  remedy: NETWORK,
  subjects: ({ poolIds }) => poolIds(),
  examine: async (surroundings, signal, poolId) => {
    // A pool that cannot be described is the result of another check.
    const isThere = await surroundings.describe(poolId).then(
      () => true,
      () => false,
    );
    if (!isThere) return [];
    const permissions = await listPermissions(surroundings, poolId);
    const tried = await Promise.all(
      permissions.calls.map(async ({ action, call }) => {
        try {
          await call(signal);
          return { action, results: [] };
        } catch (error) {
          signal.throwIfAborted();
          // The right comes first: what refuses a parameter has allowed the call.
          const isAllowed = error instanceof ParameterRefusedError;
          return { action, results: isAllowed ? [] : explainFailure(error, NETWORK) };
        }
      }),
    ).finally(() => permissions.close());
    const failures = tried.flatMap(({ results }) => results);
    if (failures.length > 0) return failures;
    return [ok(`${tried.map(({ action }) => action).join(', ')}.`)];
  },
};

export const awsChecks: readonly CheckDefinition[] = [
  credentialsCheck,
  clockCheck,
  poolsCheck,
  poolCheck,
  permissionsCheck,
];
