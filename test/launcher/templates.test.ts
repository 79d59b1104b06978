import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { iamPolicy, loadOptions, type PolicyStatement } from '../../src/index.ts';

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url)), 'utf8');

/** The template, without the tags of CloudFormation's functions. */
const template = parseDocument(read('cloudformation/cognito-mirror.yaml'), {
  logLevel: 'silent',
}).toJS() as {
  readonly Conditions: Record<string, unknown>;
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
  const options = await loadOptions({
    COGNITO_POOLS: 'us-east-1_A',
    ARCHIVE_URL: 's3://my-bucket',
    ARCHIVE_LOCK_MODE: 'governance',
    ARCHIVE_LOCK_DAYS: '1',
    ARCHIVE_KMS_KEY_ID: KEY,
    ARCHIVE_SIGNING_KEY: `kms:${KEY}`,
    MIRROR_POOL_SETTINGS: 'true',
    MIRROR_HASH_KEY: 'x'.repeat(40),
  });
  const { Statement } = await iamPolicy({}, options);
  const shape = (statements: readonly PolicyStatement[]) =>
    statements.map(({ Sid, Effect, Action }) => ({ Sid, Effect, Action }));
  const role = statementsOf(template.Resources['Role']?.Properties['Policies']);
  expect(shape(role)).toEqual(shape(Statement));
  expect(role.length).toBeGreaterThan(8);
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
