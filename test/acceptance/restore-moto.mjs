/**
 * Restores users, groups and memberships into a pool of moto, a server by other authors. Run it after
 * `npm ci`, with `moto_server` in the PATH (`pip install 'moto[server]'`):
 *
 *     node test/acceptance/restore-moto.mjs
 *
 * It exits with 0 if the pool then has every user with its attributes, its state and its groups. Moto
 * has no call that links identities.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AdminListGroupsForUserCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolCommand,
  paginateListUsers,
} from '@aws-sdk/client-cognito-identity-provider';

// URLs, as the files do not exist when types are checked before the build.
const dist = new URL('../../dist/', import.meta.url).href;
const { openCognito } = await import(`${dist}cognito/client.js`);
const { localAccountBuckets } = await import(`${dist}quota/account-buckets.js`);
const { execute } = await import(`${dist}restore/execute.js`);
const { Journal } = await import(`${dist}restore/journal.js`);
const { writeResults } = await import(`${dist}restore/results.js`);
const { CallMeter } = await import(`${dist}telemetry/calls.js`);

const USERS = 200;
const GROUPS = ['admins', 'staff', 'Größe 1'];
const READY_MS = 60_000;

const home = await mkdtemp(join(tmpdir(), 'cognito-mirror-acceptance-'));
const port = String(await freePort());
const url = `http://127.0.0.1:${port}`;
const moto = spawn('moto_server', ['-H', '127.0.0.1', '-p', port], { stdio: 'ignore' });
moto.on('error', (error) => {
  console.error(`moto_server does not start: ${error.message}`);
  process.exit(1);
});
try {
  await answers(url);
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new CognitoIdentityProviderClient({
    region: 'us-east-1',
    endpoint: url,
    credentials,
  });
  const { UserPool } = await client.send(
    new CreateUserPoolCommand({
      PoolName: 'restored',
      Schema: [
        { Name: 'tenant', AttributeDataType: 'String', Mutable: true },
        { Name: 'previous_sub', AttributeDataType: 'String', Mutable: true },
      ],
    }),
  );
  const poolId = UserPool?.Id ?? '';
  const writeQuotas = {
    UserCreation: 1e6,
    UserAccountRecovery: 1e6,
    UserUpdate: 1e6,
    UserResourceUpdate: 1e6,
    UserPoolResourceUpdate: 1e6,
  };
  const allowance = { share: 1, userListRps: 1e6, writeQuotas };
  const all = localAccountBuckets({ of: () => allowance, leastShare: () => 1 });
  const cognito = openCognito({
    region: 'us-east-1',
    access: { role: null, endpoints: { cognito: url }, credentials },
    buckets: all.ofRestore('123456789012', 'us-east-1', 1),
    meter: new CallMeter(),
  });
  const source = { poolId: 'us-east-1_Source', snapshot: '20261120T020000Z' };
  const journal = await Journal.open({ home, target: poolId, source });
  const policy = { minimumLength: 8, temporaryPasswordValidityDays: 7 };
  const target = { poolId, passwordPolicy: policy };
  const progress = await execute(
    { cognito, target, password: 'random', journal },
    createTasks(),
    new AbortController().signal,
  );
  require(progress.failed === 0, `failures: ${JSON.stringify([...progress.reasons])}`);
  const { subMap } = await writeResults(journal, { target: poolId });

  await journal.close();

  let users = 0;
  for await (const page of paginateListUsers({ client }, { UserPoolId: poolId })) {
    for (const user of page.Users ?? []) {
      users += 1;
      const number = Number(user.Username?.slice(5));
      const attributes = new Map(user.Attributes?.map(({ Name, Value }) => [Name, Value]));
      require(attributes.get('custom:tenant') === `tenant-${number % 7}`, `${number}: tenant`);
      require(attributes.get('custom:previous_sub') === `old-${number}`, `${number}: old sub`);
      require(user.Enabled === (number % 5 !== 0), `${number}: enabled is ${user.Enabled}`);
      require(user.UserStatus === 'CONFIRMED', `${number}: ${user.UserStatus}`);
      const command = new AdminListGroupsForUserCommand({
        UserPoolId: poolId,
        Username: user.Username,
      });
      const groups = (await client.send(command)).Groups?.map(({ GroupName }) => GroupName).sort();
      require(JSON.stringify(groups) ===
        JSON.stringify(groupsOf(number).sort()), `${number}: groups are ${groups?.join()}`);
    }
  }
  require(users === USERS, `${users} users`);
  const rows = (await readFile(subMap, 'utf8')).trimEnd().split('\r\n').length - 1;
  require(rows === USERS, `${rows} rows in sub-map.csv`);
  cognito.close();
  await all.close();
  client.destroy();
  console.log(`restored ${users} users and ${GROUPS.length} groups into a pool of moto`);
} finally {
  moto.kill('SIGTERM');
  await rm(home, { recursive: true, force: true });
}

/** @param {number} number of the user */
function groupsOf(number) {
  return GROUPS.filter((_, at) => number % (at + 2) === 0);
}

/** What a comparison with an empty pool gives. */
async function* createTasks() {
  for (const groupName of GROUPS) {
    const fields = { description: `About ${groupName}`, roleArn: null, precedence: 3 };
    yield { entity: 'group', action: 'create', groupName, ...fields };
  }
  for (let number = 0; number < USERS; number += 1) {
    const username = `user-${number}`;
    yield {
      entity: 'user',
      action: 'create',
      username,
      sub: `old-${number}`,
      signInName: username,
      attributes: {
        email: `${username}@example.com`,
        email_verified: 'true',
        'custom:tenant': `tenant-${number % 7}`,
        'custom:previous_sub': `old-${number}`,
      },
      enabled: number % 5 !== 0,
      mfa: null,
    };
  }
  for (let number = 0; number < USERS; number += 1) {
    for (const groupName of groupsOf(number)) {
      const username = `user-${number}`;
      yield { entity: 'membership', action: 'create', groupName, username, target: null };
    }
  }
}

/** @param {boolean} holds @param {string} problem */
function require(holds, problem) {
  if (!holds) throw new Error(problem);
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port: free } = /** @type {import('node:net').AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return free;
}

/** @param {string} server waits until it answers */
async function answers(server) {
  const end = performance.now() + READY_MS;
  while (!(await fetch(server).catch(() => null))) {
    require(performance.now() < end, 'moto_server does not answer');
    await delay(200);
  }
}
