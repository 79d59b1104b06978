import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { parseDocument } from 'yaml';
import { iamPolicy, loadOptions, type PolicyStatement } from '../../src/index.ts';
import { temporaryFolder } from '../support/temp.ts';

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url)), 'utf8');

/** The template, without the tags of CloudFormation's functions. */
const template = parseDocument(read('cloudformation/cognito-mirror.yaml'), {
  logLevel: 'silent',
}).toJS() as {
  readonly Conditions: Record<string, unknown>;
  readonly Parameters: Record<string, unknown>;
  readonly Resources: Record<string, { readonly Properties: Record<string, unknown> }>;
};

/** Every statement of a policy of the role, also one that a condition adds. */
function statementsOf(value: unknown): PolicyStatement[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('Sid' in value) return [value as PolicyStatement];
  return Object.values(value).flatMap(statementsOf);
}

const KEY = 'arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555';

test('the role of the CloudFormation template allows what `iam-policy` prints', async () => {
  const folder = await temporaryFolder();
  onTestFinished(() => folder.remove());
  const file = join(folder.path, 'mirror.yaml');
  const role = 'arn:aws:iam::444455556666:role/cognito-mirror';
  writeFileSync(file, `pools:\n  us-east-1_B:\n    role:\n      arn: ${role}\n`);
  const options = await loadOptions({
    MIRROR_CONFIG: file,
    COGNITO_POOLS: 'us-east-1_A,us-east-1_B',
    ARCHIVE_URL: 's3://my-bucket',
    ARCHIVE_LOCK_MODE: 'governance',
    ARCHIVE_LOCK_DAYS: '1',
    ARCHIVE_KMS_KEY_ID: KEY,
    ARCHIVE_SIGNING_KEY: `kms:${KEY}`,
    MIRROR_POOL_SETTINGS: 'true',
    MIRROR_HASH_KEY: 'x'.repeat(40),
  });
  const { Statement } = await iamPolicy({ listPools: true }, options);
  const shape = (statements: readonly PolicyStatement[]) =>
    statements.map(({ Sid, Effect, Action }) => ({ Sid, Effect, Action }));
  const policy = statementsOf(template.Resources['Role']?.Properties['Policies']);
  expect(shape(policy)).toEqual(shape(Statement));
  expect(policy.map(({ Sid }) => Sid)).toEqual(
    expect.arrayContaining(['FindPools', 'ReadPoolsOfOtherAccounts', 'OnlyToSignWithKms']),
  );
});

test('services and principals may take the role of both, and only principals give an external id', () => {
  const trust = JSON.stringify(template.Resources['Role']?.Properties['AssumeRolePolicyDocument']);
  const terraform = read('terraform/main.tf');
  const [service, principal] = terraform.split('dynamic "statement"').slice(1);
  expect(service).toMatch(/"sts:AssumeRole", "sts:TagSession"[\s\S]*= var\.trusted_services\n/);
  expect(principal).toMatch(
    /\["sts:AssumeRole"\][\s\S]*= var\.trusted_principals\n[\s\S]*ExternalId/,
  );
  expect(service).not.toContain('ExternalId');
  expect(trust).toMatch(/"sts:TagSession"\],"Principal":\{"Service":"TrustedServices"\}\}/);
  expect(trust).toMatch(
    /"Action":"sts:AssumeRole","Principal":\{"AWS":"TrustedPrincipals"\},"Condition":.*ExternalId/,
  );
});

test('both take the same settings', () => {
  // `policy` has what the template takes for each right.
  const declared = [...read('terraform/variables.tf').matchAll(/^variable "(\w+)"/gm)].map(
    ([, name = '']) => name.replaceAll('_', ''),
  );
  const rights = ['PoolArns', 'PoolSettings', 'FindPools', 'RolesToAssume', 'SigningKeyArn'];
  const parameters = Object.keys(template.Parameters).filter((name) => !rights.includes(name));
  const names = parameters.map((name) => name.toLowerCase().replace('bucketname', 'bucket'));
  expect(names.sort()).toEqual(
    declared.filter((name) => !['name', 'policy'].includes(name)).sort(),
  );
});

test('the bucket of both is versioned, encrypted, private, and takes TLS only', () => {
  expect(template.Resources['Bucket']?.Properties).toMatchObject({
    VersioningConfiguration: { Status: 'Enabled' },
    BucketEncryption: { ServerSideEncryptionConfiguration: [{ BucketKeyEnabled: true }] },
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    LifecycleConfiguration: {
      Rules: [{ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }],
    },
  });
  const [tls] = statementsOf(template.Resources['BucketPolicy']?.Properties);
  expect(tls).toMatchObject({
    Effect: 'Deny',
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  });
  const terraform = read('terraform/main.tf');
  for (const part of [
    /status = "Enabled"/,
    /aws_s3_bucket_server_side_encryption_configuration/,
    /block_public_policy +=[ ]true/,
    /variable = "aws:SecureTransport"/,
    /days_after_initiation = 1/,
    /object_lock_enabled = var\.object_lock/,
  ]) {
    expect(terraform).toMatch(part);
  }
});

test('the Terraform module declares every variable that it uses, and no other', () => {
  const used = [...read('terraform/main.tf').matchAll(/\bvar\.(\w+)/g)].map(([, name]) => name);
  const declared = [...read('terraform/variables.tf').matchAll(/^variable "(\w+)"/gm)];
  expect([...new Set(used)].sort()).toEqual(declared.map(([, name]) => name).sort());
});
