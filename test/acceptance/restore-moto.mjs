/**
 * Restores a snapshot into a pool of moto, a server by other authors. Run it after `npm ci`, with
 * `moto_server` in the PATH (`pip install 'moto[server]'`):
 *
 *     node test/acceptance/restore-moto.mjs
 *
 * It mirrors a pool of the simulator, and restores it from the archive alone. It exits with 0 if the pool
 * of moto then has every user with its attributes, its state and its groups, and a second run finds
 * everything equal. Moto has no call that links identities, so no user has any.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  AdminListGroupsForUserCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolCommand,
  paginateListUsers,
} from '@aws-sdk/client-cognito-identity-provider';

// A URL, as the file does not exist when types are checked before the build.
const { startSimulator } = await import(
  new URL('../../dist/simulator/index.js', import.meta.url).href
);

const COMMAND = fileURLToPath(new URL('../../bin/cognito-mirror.mjs', import.meta.url));
const SOURCE = 'us-east-1_Source';
const USERS = 200;
const GROUPS = ['admins', 'staff', 'Größe-1'];
const READY_MS = 60_000;

const home = await mkdtemp(join(tmpdir(), 'cognito-mirror-acceptance-'));
const simulator = await startSimulator({ pools: [SOURCE], users: 0, groups: 0, rps: 0 });
const port = String(await freePort());
const url = `http://127.0.0.1:${port}`;
const moto = spawn('moto_server', ['-H', '127.0.0.1', '-p', port], { stdio: 'ignore' });
moto.on('error', (error) => {
  console.error(`moto_server does not start: ${error.message}`);
  process.exit(1);
});
try {
  const subs = fillSource();
  await run(['sync', SOURCE], simulator.url);
  const manifests = join(home, 'archive', 'manifests', `pool_id=${SOURCE}`);
  const [name = ''] = (await readdir(manifests)).filter((each) => each.endsWith('.json'));

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
      Schema: ['tenant', 'previous_sub'].map((Name) => ({
        Name,
        AttributeDataType: /** @type {const} */ ('String'),
        Mutable: true,
      })),
    }),
  );
  const poolId = UserPool?.Id ?? '';
  const options = ['--from', join(manifests, name), '--to', poolId, '--share', '1', '--json'];
  const { result } = JSON.parse(await run(['restore', ...options], url));
  require(result.outcome === 'done', JSON.stringify(result));
  const again = JSON.parse(await run(['restore', ...options, '--dry-run'], url));
  for (const [entity, { create, update }] of Object.entries(again.plan.counts)) {
    require(create + update === 0, `${entity} are not equal: ${JSON.stringify(again.plan)}`);
  }

  let users = 0;
  for await (const page of paginateListUsers({ client }, { UserPoolId: poolId })) {
    for (const user of page.Users ?? []) {
      users += 1;
      const number = Number(user.Username?.slice(5));
      const attributes = new Map(user.Attributes?.map(({ Name, Value }) => [Name, Value]));
      require(attributes.get('custom:tenant') === `tenant-${number % 7}`, `${number}: tenant`);
      require(attributes.get('custom:previous_sub') === subs.get(number), `${number}: old sub`);
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
  const rows = (await readFile(result.files.subMap, 'utf8')).trimEnd().split('\r\n').length - 1;
  require(rows === USERS, `${rows} rows in sub-map.csv`);
  client.destroy();
  console.log(`restored ${users} users and ${GROUPS.length} groups into a pool of moto`);
} finally {
  moto.kill('SIGTERM');
  await simulator.close();
  await rm(home, { recursive: true, force: true });
}

/** @param {number} number of the user */
function groupsOf(number) {
  return GROUPS.filter((_, at) => number % (at + 2) === 0);
}

/** @returns {Map<number, string>} the `sub` of each user */
function fillSource() {
  const pool = simulator.pool(SOURCE);
  for (const group of GROUPS) pool.createGroup(group, { description: group, precedence: 3 });
  const subs = new Map();
  for (let number = 0; number < USERS; number += 1) {
    const username = `user-${number}`;
    const user = pool.createUser({
      username,
      status: 'CONFIRMED',
      enabled: number % 5 !== 0,
      attributes: {
        email: `${username}@example.com`,
        email_verified: 'true',
        'custom:tenant': `tenant-${number % 7}`,
      },
    });
    subs.set(number, user.attributes.get('sub'));
    for (const group of groupsOf(number)) pool.addToGroup(username, group);
  }
  return subs;
}

/**
 * Runs the command to its end.
 *
 * @param {string[]} args
 * @param {string} endpoint of the service
 * @returns {Promise<string>} what it prints
 */
async function run(args, endpoint) {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      LOG_LEVEL: 'warn',
      MIRROR_HOME: home,
      MIRROR_WRITE_QUOTAS:
        'UserCreation=10000,UserAccountRecovery=10000,UserUpdate=10000,UserResourceUpdate=10000',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: endpoint,
    },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  require(code === 0, `${args.join(' ')}: exit code ${code}`);
  return output;
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
