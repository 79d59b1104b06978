import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  CredentialsError,
  NotAuthorizedError,
  RoleRefusedError,
  ServiceUnavailableError,
} from '../../src/cognito/errors.ts';
import type { Role } from '../../src/config/pool-settings.ts';
import { type SimulatorOptions, startSimulator } from '../../src/simulator/index.ts';
import { readSignature } from '../../src/simulator/signature.ts';
import { type StsOptions, type StsServer, startSts } from '../support/sts-server.ts';
import { never, openService, POOL, QUICK, rejection } from './support.ts';

const ROLE: Role = { arn: 'arn:aws:iam::123456789012:role/path/mirror', externalId: 'Ext3rnal' };
const ROLES = [{ arn: ROLE.arn, externalId: 'Ext3rnal' }];

const VARIABLES = [
  'AWS_ENDPOINT_URL_STS',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_EC2_METADATA_DISABLED',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
];
let before: (string | undefined)[];

beforeEach(() => {
  before = VARIABLES.map((name) => process.env[name]);
});

afterEach(() => {
  VARIABLES.forEach((name, index) => {
    if (before[index] === undefined) delete process.env[name];
    else process.env[name] = before[index];
  });
});

/** STS, named as users name it, until the test ends. */
async function serveSts(options: Partial<StsOptions> = {}): Promise<StsServer> {
  const sts = await startSts({ roles: ROLES, ...options });
  onTestFinished(() => sts.close());
  process.env['AWS_ENDPOINT_URL_STS'] = sts.url;
  return sts;
}

/** What a call was signed with. */
interface Signed {
  readonly poolId: string;
  readonly accessKey: string;
  readonly sessionToken: string | undefined;
}

/** A simulator behind a server that notes what each call was signed with; both end with the test. */
async function simulate(
  options: SimulatorOptions = {},
): Promise<{ url: string; signed: Signed[] }> {
  const simulator = await startSimulator({ rps: 0, users: 10, groups: 1, ...options });
  const signed: Signed[] = [];
  const front = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { authorization = '', 'x-amz-target': target = '' } = request.headers;
    signed.push({
      poolId: (JSON.parse(body) as { UserPoolId: string }).UserPoolId,
      accessKey: readSignature(authorization, undefined).accessKey,
      sessionToken: request.headers['x-amz-security-token'] as string | undefined,
    });
    const headers = {
      authorization,
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': String(target),
    };
    const answer = await fetch(simulator.url, { method: 'POST', headers, body });
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    front.closeAllConnections();
    front.close();
    await simulator.close();
  });
  return { url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`, signed };
}

/** Opens the service until the test ends. */
function open(url: string, options: Parameters<typeof openService>[1] = {}) {
  const service = openService(url, { role: ROLE, ...options });
  onTestFinished(() => service.close());
  return service.cognito;
}

describe('a pool with a role', () => {
  test('is called with the credentials of the role, assumed with those of the environment', async () => {
    const sts = await serveSts();
    const { url, signed } = await simulate();
    await open(url).describePool(POOL, never());

    expect(sts.requests).toEqual([
      {
        action: 'AssumeRole',
        roleArn: ROLE.arn,
        sessionName: 'cognito-mirror',
        externalId: 'Ext3rnal',
        accessKey: 'test',
        region: 'us-east-1',
      },
    ]);
    const [{ accessKey, sessionToken } = { accessKey: '' }] = signed;
    expect(sts.roleOf(accessKey)).toBe(ROLE.arn);
    expect(sessionToken).toBe(`token-of-${accessKey}`);
  });

  test("calls STS in the pool's Region, and sends an external id only if configured", async () => {
    const sts = await serveSts({ roles: [{ arn: ROLE.arn }] });
    const { url } = await simulate({ pools: ['eu-west-3_Abc'] });
    const role = { arn: ROLE.arn, externalId: null };
    await open(url, { role, region: 'eu-west-3' }).describePool('eu-west-3_Abc', never());
    expect(sts.requests).toMatchObject([{ region: 'eu-west-3', externalId: null }]);
  });

  test('fetches credentials once for many calls at the same time', async () => {
    const sts = await serveSts();
    const { url, signed } = await simulate();
    const cognito = open(url);
    await Promise.all(Array.from({ length: 20 }, () => cognito.describePool(POOL, never())));
    await cognito.describePool(POOL, never());
    expect(sts.requests).toHaveLength(1);
    expect(new Set(signed.map(({ accessKey }) => accessKey)).size).toBe(1);
    expect(signed).toHaveLength(21);
  });

  test('renews them before they expire', async () => {
    // The SDK renews five minutes ahead: such credentials are due at once.
    const sts = await serveSts({ lifetimeSeconds: 299 });
    const { url, signed } = await simulate();
    const cognito = open(url);
    for (let call = 0; call < 3; call += 1) await cognito.describePool(POOL, never());
    const keys = signed.map(({ accessKey }) => accessKey);
    expect(new Set(keys).size).toBe(3);
    expect(keys.map((key) => sts.roleOf(key))).toEqual([ROLE.arn, ROLE.arn, ROLE.arn]);
  });

  test('is called with its own role next to pools with other roles and one without', async () => {
    const roles = ['one', 'two', 'three'].map((name, index) => ({
      arn: `arn:aws:iam::${String(index).padStart(12, '0')}:role/${name}`,
      externalId: `external-${name}`,
    }));
    const sts = await serveSts({ roles });
    const pools = ['us-east-1_One', 'us-east-1_Two', 'us-east-1_Three', 'us-east-1_Own'];
    const { url, signed } = await simulate({ pools });
    const calls = pools.flatMap((pool, index) => {
      const cognito = open(url, { role: roles[index] ?? null });
      return Array.from({ length: 5 }, () => cognito.describePool(pool, never()));
    });
    await Promise.all(calls);
    expect(signed).toHaveLength(20);
    for (const { poolId, accessKey } of signed) {
      const role = roles[pools.indexOf(poolId)];
      if (role === undefined) expect(accessKey).toBe('test');
      else expect(sts.roleOf(accessKey)).toBe(role.arn);
    }
  });

  test('whose policy lacks an action is a NotAuthorizedError', async () => {
    await serveSts();
    const { url } = await simulate({ deny: { DescribeUserPool: 'NotAuthorizedException' } });
    const error = await rejection(open(url).describePool(POOL, never()));
    expect(error).toBeInstanceOf(NotAuthorizedError);
  });
});

describe('a role that cannot be assumed', () => {
  const refused = {
    'the role does not exist': [],
    'it requires another external id': [{ arn: ROLE.arn, externalId: 'another' }],
  };
  for (const [why, roles] of Object.entries(refused)) {
    test(`stops at once with a message about what to check: ${why}`, async () => {
      const sts = await serveSts({ roles });
      const { url, signed } = await simulate();
      const error = await rejection(open(url).describePool(POOL, never()));
      expect(error).toBeInstanceOf(RoleRefusedError);
      expect(error.message).toMatch(
        /^arn:aws:iam::123456789012:role\/path\/mirror: .*AccessDenied, HTTP 403/,
      );
      expect(error.message).toMatch(/trust policy .*external id.*sts:AssumeRole/);
      expect(error.message).not.toMatch(/Ext3rnal|secret-of|token-of/);
      expect(sts.requests).toHaveLength(1);
      expect(signed).toEqual([]);
    });
  }

  test('because STS is disabled in the Region is a RoleRefusedError', async () => {
    const sts = await serveSts();
    sts.troubles.push({ status: 403, code: 'RegionDisabledException' });
    const { url } = await simulate();
    const error = await rejection(open(url).describePool(POOL, never()));
    expect(error).toBeInstanceOf(RoleRefusedError);
    expect(error.message).toContain('RegionDisabled');
  });

  test('because the credentials of the environment are wrong is a CredentialsError', async () => {
    await serveSts({ accessKeys: ['another'] });
    const { url } = await simulate();
    const error = await rejection(open(url).describePool(POOL, never()));
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error.message).toContain('AWS_ACCESS_KEY_ID');
  });

  test('because the environment has no credentials is a CredentialsError', async () => {
    const sts = await serveSts();
    const { url } = await simulate();
    const cognito = open(url);
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    Object.assign(process.env, {
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/nowhere/config',
      AWS_SHARED_CREDENTIALS_FILE: '/nowhere/credentials',
    });
    const error = await rejection(cognito.describePool(POOL, never()));
    expect(error).toBeInstanceOf(CredentialsError);
    expect(error.message).toMatch(/not found .*AWS_PROFILE/);
    expect(sts.requests).toEqual([]);
  });
});

describe('STS away for a moment', () => {
  test.each([
    ['internal errors', { status: 500, code: 'InternalFailure' }],
    ['unavailability', { status: 503, code: 'ServiceUnavailable' }],
    ['throttling', { status: 400, code: 'Throttling' }],
    ['cut connections', 'cut'],
  ] as const)('is called again after %s', async (_, trouble) => {
    const sts = await serveSts();
    sts.troubles.push(trouble, trouble, trouble);
    const { url, signed } = await simulate();
    await open(url).describePool(POOL, never());
    expect(sts.requests).toHaveLength(4);
    expect(signed).toHaveLength(1);
  });

  test('during a renewal of credentials does not stop the calls', async () => {
    const sts = await serveSts({ lifetimeSeconds: 299 });
    const { url, signed } = await simulate();
    const cognito = open(url);
    await cognito.describePool(POOL, never());
    sts.troubles.push('cut', { status: 503, code: 'ServiceUnavailable' });
    await cognito.describePool(POOL, never());
    expect(signed).toHaveLength(2);
  });

  test('for long ends the call with a ServiceUnavailableError', async () => {
    const sts = await serveSts();
    sts.troubles.push(...Array.from({ length: 100 }, () => 'cut' as const));
    const { url } = await simulate();
    const error = await rejection(open(url).describePool(POOL, never()));
    expect(error).toBeInstanceOf(ServiceUnavailableError);
    expect(error.message).toMatch(/^arn:aws:iam::.*AWS_ENDPOINT_URL_STS/);
    expect(sts.requests).toHaveLength(QUICK.faults + 1);
  });

  test('does not delay an abort', async () => {
    const sts = await serveSts();
    sts.troubles.push('silence');
    const { url } = await simulate();
    const stop = new AbortController();
    const call = rejection(open(url).describePool(POOL, stop.signal));
    await expect.poll(() => sts.requests.length).toBe(1);
    const reason = new Error('stopped');
    stop.abort(reason);
    expect(await call).toBe(reason);
  });
});
