import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { configuredEndpoint, configuredRegion } from '../../src/aws/shared-config.ts';
import { prepareAwsEnvironment } from '../../src/cli/aws-environment.ts';
import { requireCognitoEndpoint } from '../../src/cognito/sdk.ts';
import { startS3Server } from '../support/s3-server.ts';
import { temporaryFolder } from '../support/temp.ts';

const S3 = 'AWS_ENDPOINT_URL_S3';
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let before: NodeJS.ProcessEnv;
beforeEach(async () => {
  folder = await temporaryFolder();
  before = { ...process.env };
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_')) delete process.env[name];
  }
  process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
});
afterEach(async () => {
  process.env = before;
  await folder.remove();
});

/** Sets variables, and a configuration file whose profile `mirror` has these lines. */
async function configure(profile: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  // The SDK reads a file once: each test has one of its own.
  const path = join(folder.path, `config-${Math.random()}`);
  await writeFile(path, `[profile mirror]\n${profile.join('\n')}\n`);
  Object.assign(process.env, { AWS_CONFIG_FILE: path, AWS_PROFILE: 'mirror', ...env });
  prepareAwsEnvironment(process.env);
  return path;
}

const IN_SERVICES = (url: string) => [
  'region = us-east-1',
  'services = local',
  '[services local]',
  's3 =',
  `  endpoint_url = ${url}`,
  'cognito_identity_provider =',
  `  endpoint_url = ${url}`,
];

describe('the Region', () => {
  test.each([
    [{ AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-east-2' }, 'us-east-1'],
    [{ AWS_DEFAULT_REGION: 'us-east-2' }, 'us-east-2'],
    [{}, 'eu-west-1'],
  ])('with %o in the environment, and one of the profile', async (env, region) => {
    await configure(['region = eu-west-1'], env);
    expect(await configuredRegion()).toBe(region);
  });

  test('is null if it is not set', async () => {
    await configure(['output = json']);
    expect(await configuredRegion()).toBeNull();
  });
});

describe('the endpoint of a service', () => {
  const endpoint = () => configuredEndpoint(new S3Client({}).config, S3);

  test.each<[NodeJS.ProcessEnv, string]>([
    [{ AWS_ENDPOINT_URL_S3: 'http://own', AWS_ENDPOINT_URL: 'http://all' }, 'http://own'],
    [{ AWS_ENDPOINT_URL: 'http://all' }, 'http://all'],
    [{}, 'http://file'],
  ])('with %o in the environment, and one of the profile', async (env, url) => {
    await configure(IN_SERVICES('http://file'), env);
    expect(await endpoint()).toBe(url);
  });

  test('is the one of the profile itself without services, and undefined if it is not set', async () => {
    await configure(['endpoint_url = http://plain']);
    expect(await endpoint()).toBe('http://plain');
    await configure(['region = us-east-1']);
    expect(await endpoint()).toBeUndefined();
  });

  test('without a scheme in the file is an error that names profile and file', async () => {
    const path = await configure(IN_SERVICES('localhost:9000'));
    const problem = `endpoint_url of the profile mirror in ${path}: the endpoint must start with http:// or https://.`;
    await expect(openDestination('s3://archive/x')).rejects.toThrow(problem);
    await expect(requireCognitoEndpoint()).rejects.toThrow(problem);
  });
});

test('a bucket at an endpoint of the file is addressed by path', async () => {
  const server = await startS3Server();
  await configure([
    'aws_access_key_id = test',
    'aws_secret_access_key = test',
    ...IN_SERVICES(server.url.replace('127.0.0.1', 'localhost')),
  ]);
  const destination = await openDestination('s3://archive/x');
  await destination.check(new AbortController().signal);
  expect(server.requests.map(({ operation }) => operation)).toContain('GetObject');
  await server.close();
});
