import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { NoCredentialsError, standardCredentials } from '../../src/aws/credentials.ts';
import { openRequestHandler } from '../../src/aws/request-handler.ts';
import { ActionRequiredError } from '../../src/model/errors.ts';
import { startForwardProxy } from '../support/forward-proxy.ts';
import { startSts } from '../support/sts-server.ts';
import { temporaryFolder } from '../support/temp.ts';

let saved: NodeJS.ProcessEnv;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeEach(async () => {
  saved = { ...process.env };
  folder = await temporaryFolder();
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_')) delete process.env[name];
  }
  Object.assign(process.env, {
    HOME: folder.path,
    AWS_CONFIG_FILE: join(folder.path, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder.path, 'credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_REGION: 'us-east-1',
  });
});

afterEach(async () => {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, saved);
  await folder.remove();
});

/** Looks credentials up; each attempt after the first follows a millisecond later. */
function lookUp(waitsMs: readonly number[] = []) {
  const handler = openRequestHandler(
    { maxSockets: 4, connectionTimeout: 2_000, requestTimeout: 2_000 },
    process.env,
  );
  onTestFinished(() => handler.destroy());
  return standardCredentials(handler, waitsMs)();
}

async function findProblem(waitsMs: readonly number[] = []) {
  const error = await lookUp(waitsMs).then(
    () => null,
    (failure: unknown) => failure,
  );
  expect(error).toBeInstanceOf(NoCredentialsError);
  return (error as NoCredentialsError).problem;
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const CREDENTIALS = JSON.stringify({
  AccessKeyId: 'AKID',
  SecretAccessKey: 'secret',
  Token: 'token',
  Expiration: new Date(Date.now() + 3_600_000),
});

test('a variable that does not name a proxy is reported as such, not as missing credentials', async () => {
  process.env['AWS_PROFILE'] = 'with-role';
  process.env['HTTPS_PROXY'] = 'socks5://user:s3cret@proxy:1080';
  const keys = 'aws_access_key_id = AKID\naws_secret_access_key = secret\n';
  await writeFile(join(folder.path, 'credentials'), `[base]\n${keys}`);
  await writeFile(
    join(folder.path, 'config'),
    '[profile with-role]\nrole_arn = arn:aws:iam::123456789012:role/mirror\nsource_profile = base\n',
  );
  const looked = lookUp();
  await expect(looked).rejects.toThrow(ActionRequiredError);
  await expect(looked).rejects.toThrow(/^HTTPS_PROXY: must be the URL/);
});

describe('a profile', () => {
  test('that does not exist is named', async () => {
    process.env['AWS_PROFILE'] = 'nosuch';
    expect(await findProblem()).toMatchObject({
      temporary: false,
      problem: expect.stringMatching(/the profile "nosuch" of AWS_PROFILE is missing/),
    });
  });

  test.each([
    [
      'sso_session = work',
      '[sso-session work]\nsso_region = us-east-1\nsso_start_url = https://x.example\n',
    ],
    ['sso_start_url = https://x.example\nsso_region = us-east-1', ''],
  ])('whose SSO session has ended says how to log in', async (setting, more) => {
    await writeFile(
      join(folder.path, 'config'),
      `[profile work]\n${setting}\nsso_account_id = 123456789012\nsso_role_name = reader\n${more}`,
    );
    process.env['AWS_PROFILE'] = 'work';
    expect(await findProblem()).toMatchObject({
      temporary: false,
      remedy: expect.stringContaining('`aws sso login --profile work`'),
    });
  });

  test('that requires an MFA code is reported', async () => {
    await writeFile(
      join(folder.path, 'config'),
      '[profile mfa]\nrole_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = base\n' +
        'mfa_serial = arn:aws:iam::123456789012:mfa/me\n' +
        '[profile base]\naws_access_key_id = AKID\naws_secret_access_key = s3cret\n',
    );
    process.env['AWS_PROFILE'] = 'mfa';
    const problem = await findProblem();
    expect(problem).toMatchObject({
      temporary: false,
      problem: expect.stringContaining('MFA code'),
    });
    expect(JSON.stringify(problem)).not.toContain('s3cret');
  });

  test('whose role STS refuses says so', async () => {
    const sts = await startSts({ roles: [] });
    onTestFinished(() => sts.close());
    process.env['AWS_ENDPOINT_URL_STS'] = sts.url;
    await writeFile(
      join(folder.path, 'config'),
      '[profile role]\nrole_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = base\n' +
        '[profile base]\naws_access_key_id = AKID\naws_secret_access_key = s3cret\n',
    );
    process.env['AWS_PROFILE'] = 'role';
    expect(await findProblem()).toMatchObject({
      temporary: false,
      problem: expect.stringMatching(/STS refused .*"role" \(AccessDenied\w*, HTTP 403\)/),
    });
  });

  test('whose command fails is named, and nothing of the command', async () => {
    await writeFile(
      join(folder.path, 'config'),
      '[profile tool]\ncredential_process = /nonexistent/tool --password s3cret\n',
    );
    process.env['AWS_PROFILE'] = 'tool';
    const problem = await findProblem();
    expect(problem).toMatchObject({ temporary: false, problem: expect.stringContaining('"tool"') });
    expect(JSON.stringify(problem)).not.toContain('s3cret');
  });

  test('of SSO are fetched through a proxy', async () => {
    const key = { accessToken: 'a', expiresAt: new Date(Date.now() + 3_600_000) };
    const proxy = await startForwardProxy(1);
    proxy.refuse = 502;
    onTestFinished(() => proxy.close());
    process.env['HTTPS_PROXY'] = proxy.url;
    await writeFile(
      join(folder.path, 'config'),
      '[profile work]\nsso_session = work\nsso_account_id = 123456789012\nsso_role_name = reader\n' +
        '[sso-session work]\nsso_region = us-east-1\nsso_start_url = https://x.example\n',
    );
    const { createHash } = await import('node:crypto');
    const { mkdir } = await import('node:fs/promises');
    const cache = join(folder.path, '.aws/sso/cache');
    await mkdir(cache, { recursive: true });
    const name = createHash('sha1').update('work').digest('hex');
    await writeFile(join(cache, `${name}.json`), JSON.stringify(key));
    process.env['AWS_PROFILE'] = 'work';
    expect(await findProblem()).toMatchObject({ temporary: true });
    expect(proxy.requests[0]).toMatchObject({ target: 'portal.sso.us-east-1.amazonaws.com:443' });
  });
});

describe("the container's endpoint", () => {
  test('that fails for a moment is called again', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked += 1;
      if (asked <= 4) response.writeHead(503).end();
      else response.end(CREDENTIALS);
    });
    process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `${url}/role`;
    expect(await lookUp([1, 1, 1, 1])).toMatchObject({ accessKeyId: 'AKID' });
  });

  test('that is slow gets more time', async () => {
    const url = await serve((_, response) => {
      setTimeout(() => response.end(CREDENTIALS), 1_500);
    });
    process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `${url}/role`;
    expect(await lookUp([1])).toMatchObject({ accessKeyId: 'AKID' });
  });

  test('that never answers is reported', async () => {
    process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `${await serve(() => {})}/role`;
    expect(await findProblem()).toMatchObject({
      temporary: true,
      problem: expect.stringContaining('no answer in time'),
    });
  });

  test('that keeps failing did not answer: to run again can help', async () => {
    const url = await serve((_, response) => response.writeHead(500).end());
    process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `${url}/role`;
    expect(await findProblem([1])).toMatchObject({
      temporary: true,
      problem: expect.stringMatching(
        /container's credentials endpoint did not answer \(HTTP 500\)/,
      ),
    });
  });

  test('that refuses is wrong configuration, without a wait', async () => {
    const url = await serve((_, response) => response.writeHead(403).end('{}'));
    process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `${url}/role`;
    expect(await findProblem([1e9])).toMatchObject({
      temporary: false,
      problem: expect.stringContaining('HTTP 403'),
    });
  });
});

describe("the instance's endpoint", () => {
  beforeEach(() => {
    delete process.env['AWS_EC2_METADATA_DISABLED'];
  });

  test('that fails did not answer', async () => {
    process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = await serve((_, response) =>
      response.writeHead(503).end(),
    );
    expect(await findProblem([1])).toMatchObject({
      temporary: true,
      problem: expect.stringMatching(/instance's credentials endpoint did not answer \(HTTP 503\)/),
    });
  });

  test('that is silent did not answer', async () => {
    process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = await serve(() => {});
    expect(await findProblem()).toMatchObject({
      temporary: true,
      problem: expect.stringContaining('no answer in time'),
    });
  });

  test('that does not exist means that there are no credentials', async () => {
    process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = 'http://127.0.0.1:1';
    expect(await findProblem([1e9])).toMatchObject({
      temporary: false,
      problem: expect.stringMatching(/^not found in the environment/),
    });
  });
});
