import { once } from 'node:events';
import {
  type CognitoIdentityProviderClient,
  DescribeUserPoolCommand,
  ListGroupsCommand,
  ListUserPoolsCommand,
  ListUsersCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { expect, onTestFinished, test } from 'vitest';
import { type CliProcess, runCli, startCli } from '../support/cli.ts';
import { clientOf, failure, POOL, simulate } from './support.ts';

/** Starts the command and waits for its first line, the URL. */
async function serve(...args: string[]): Promise<{
  url: string;
  process: CliProcess;
  client: CognitoIdentityProviderClient;
}> {
  const process = await startCli(['simulator', ...args]);
  while (!process.output.stdout.includes('\n')) {
    const ended = await Promise.race([once(process.child.stdout, 'data'), process.result]);
    if ('code' in ended) throw new Error(`The simulator ended: ${ended.stderr}`);
  }
  const [url = ''] = process.output.stdout.split('\n');
  const client = clientOf({ url });
  onTestFinished(async () => {
    client.destroy();
    process.child.kill('SIGKILL');
    await process.result;
  });
  return { url, process, client };
}

test('prints its URL as the first line when it is ready, and exits with 0 on a signal', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { url, process } = await serve('--port', '0', '--users', '5', '--groups', '1');
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/_simulator/health`)).status).toBe(200);
    process.child.kill(signal);
    expect(await process.result).toEqual({ stdout: `${url}\n`, stderr: '', code: 0 });
  }
});

test('passes every option to the simulator', async () => {
  const { url, client } = await serve(
    ...['--port', '0', '--pool', 'us-east-1_One', '--pool', 'us-east-1_Two', '--users', '70'],
    ...[
      '--groups',
      '4',
      '--largest-group',
      '0.1',
      '--seed',
      '9',
      '--second-digit',
      'C',
      '--account',
      '000000000007',
    ],
    ...['--rps', '0', '--latency-ms', '40', '--page-fill', '0.5', '--page-token-ttl-s', '0'],
    ...['--fault', 'slow=0', '--fault', 'throttle:ListGroups,AdminGetUser=1'],
    ...['--deny', 'ListUserPools', '--deny', 'DescribeUserPool=NotAuthorizedException'],
  );
  const UserPoolId = 'us-east-1_Two';
  const start = performance.now();
  const page = await client.send(new ListUsersCommand({ UserPoolId }));
  expect(performance.now() - start).toBeGreaterThan(30);
  expect(page.Users?.length).toBeLessThan(60);
  for (const user of page.Users ?? []) {
    expect(user.Attributes?.find(({ Name }) => Name === 'sub')?.Value?.[1]).toBe('c');
  }
  const { pool } = await simulate({
    ...{ pools: [UserPoolId], users: 70, groups: 4, seed: 9, secondDigit: 12 },
  });
  const names = new Set([...pool.users()].map((user) => user.username));
  expect(page.Users?.every((user) => names.has(user.Username ?? ''))).toBe(true);

  const next = { UserPoolId, PaginationToken: page.PaginationToken };
  expect((await failure(client.send(new ListUsersCommand(next)))).name).toBe(
    'InvalidParameterException',
  );
  const groups = await failure(client.send(new ListGroupsCommand({ UserPoolId })));
  expect(groups.name).toBe('TooManyRequestsException');
  const denied = await failure(client.send(new ListUserPoolsCommand({ MaxResults: 5 })));
  expect(denied.name).toBe('AccessDeniedException');
  expect(denied.message).toContain('000000000007');
  const refused = await failure(client.send(new DescribeUserPoolCommand({ UserPoolId })));
  expect(refused.name).toBe('NotAuthorizedException');
  const log = await (await fetch(`${url}/_simulator/attempts`)).json();
  expect(log).toMatchObject({ total: 5 });
});

test('serves the default pool with the real quota by default', async () => {
  const { client } = await serve('--port', '0');
  const { UserPool } = await client.send(new DescribeUserPoolCommand({ UserPoolId: POOL }));
  expect(UserPool?.EstimatedNumberOfUsers).toBe(1000);
  expect(UserPool?.Arn).toContain(':123456789012:');
  const { Groups } = await client.send(new ListGroupsCommand({ UserPoolId: POOL }));
  expect(Groups).toHaveLength(20);
  const calls = Array.from({ length: 50 }, () =>
    client.send(new ListUsersCommand({ UserPoolId: POOL, Limit: 1 })).catch((error) => error.name),
  );
  expect(await Promise.all(calls)).toContain('TooManyRequestsException');
});

test('reports a port that is in use, with a remedy', async () => {
  const { simulator } = await simulate({ users: 0, groups: 0 });
  const { code, stdout, stderr } = await runCli(['simulator', '--port', String(simulator.port)]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(`${simulator.port} cannot be listened on`);
  expect(stderr).toContain('0 for a free one');
});

test('reports all problems of the command line at once', async () => {
  const { code, stdout, stderr } = await runCli([
    ...['simulator', '--port', '70000', '--pool', 'nope', '--pool', POOL, '--pool', POOL],
    ...[
      '--users',
      '-1',
      '--groups',
      '10001',
      '--largest-group',
      '1.5',
      '--seed',
      'x',
      '--second-digit',
      'g',
    ],
    ...['--account', '12', '--rps', 'fast', '--latency-ms', '', '--page-fill', '0'],
    ...['--page-token-ttl-s', '-5', '--fault', 'throttle=2', '--fault', 'nope=0.1'],
    ...['--fault', 'drop:Nothing=0.1', '--deny', 'ListPeople', '--deny', 'ListUsers=Maybe'],
  ]);
  expect([code, stdout]).toEqual([2, '']);
  for (const part of [
    '--port: 70000 ',
    '--pool: "nope" ',
    `--pool: ${POOL} is named twice`,
    '--users: -1 ',
    '--groups: 10001 ',
    '--largest-group: 1.5 ',
    '--seed: x ',
    '--second-digit: g ',
    '--account: 12 ',
    '--rps: fast ',
    '--latency-ms:',
    '--page-fill: 0 ',
    '--page-token-ttl-s: -5 ',
    '--fault: throttle=2 ',
    '--fault: nope=0.1 ',
    'not have the operation Nothing',
    'not have the operation ListPeople',
    '--deny: Maybe ',
  ]) {
    expect(stderr).toContain(part);
  }
});

test('--help explains every option and fault', async () => {
  const { code, stdout } = await runCli(['simulator', '--help']);
  expect(code).toBe(0);
  for (const word of ['--page-token-ttl-s', '--fault', 'empty-page', 'repeat-user', '_simulator']) {
    expect(stdout).toContain(word);
  }
});
