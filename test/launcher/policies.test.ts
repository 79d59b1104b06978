import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { describeFile } from '../../src/archive/read-object.ts';
import { IAM_ACTIONS } from '../../src/aws/iam-actions.ts';
import { iamPolicy, loadOptions } from '../../src/index.ts';
import { useS3 } from '../archive/destinations.ts';
import { listenBefore } from '../leaks/listener.ts';
import { startS3Server } from '../support/s3-server.ts';
import type { S3Bucket, S3Version } from '../support/s3-store.ts';
import { temporaryFolder } from '../support/temp.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Statement {
  readonly Sid: string;
  readonly Effect: string;
  readonly Principal?: unknown;
  readonly Action: string | string[];
  readonly Resource?: string;
  readonly Condition?: unknown;
}

/** The policies of docs/IAM.md: the mirror's own, those for roles of other accounts, and for a restore. */
const POLICIES = [
  ...readFileSync(join(ROOT, 'docs/IAM.md'), 'utf8').matchAll(/^```json\n([^`]*)/gm),
]
  .map(([, block = '']) => JSON.parse(block) as { Statement: Statement[] })
  .map(({ Statement }) => Statement);
const [OWN = [], ASSUMING = [], OF_THE_ROLE = [], TRUST = [], RESTORING = []] = POLICIES;

const actionsOf = (statements: readonly Statement[]) =>
  statements.flatMap(({ Action }) => Action).sort();

/** Calls that are about no pool, and have no resource. */
const WITHOUT_POOL = ['cognito-idp:ListUserPools', 'cognito-idp:DescribeUserPoolDomain'];

/** The action that each operation of S3 needs, where it is not its own name (AWS's reference). */
const S3_ACTIONS: Readonly<Record<string, string>> = {
  CompleteMultipartUpload: 'PutObject',
  CreateMultipartUpload: 'PutObject',
  DeleteObjects: 'DeleteObject',
  GetBucketLifecycleConfiguration: 'GetLifecycleConfiguration',
  GetObjectLockConfiguration: 'GetBucketObjectLockConfiguration',
  HeadObject: 'GetObject',
  ListObjectVersions: 'ListBucketVersions',
  ListObjectsV2: 'ListBucket',
  UploadPart: 'PutObject',
};

/** The actions for a request that names a version. */
const VERSION_ACTIONS: Readonly<Record<string, string>> = {
  DeleteObjects: 'DeleteObjectVersion',
  GetObject: 'GetObjectVersion',
  HeadObject: 'GetObjectVersion',
};

const s3Action = (operation: string, versioned = false) =>
  `s3:${(versioned && VERSION_ACTIONS[operation]) || (S3_ACTIONS[operation] ?? operation)}`;

/** What a name that the program imports from the SDK calls; nothing where it is no call. */
function actionOf(name: string, from: string, namesVersions: boolean): string[] {
  const [, operation] = /^(?:paginate)?(\w+?)(?:Command)?$/.exec(name) ?? [];
  const isCall = name.endsWith('Command') || name.startsWith('paginate');
  if (name === 'fromTemporaryCredentials') return ['sts:AssumeRole'];
  if (!isCall || operation === undefined) return [];
  if (from === '@aws-sdk/client-s3') {
    const isVersioned = namesVersions && operation in VERSION_ACTIONS;
    return [s3Action(operation), ...(isVersioned ? [s3Action(operation, true)] : [])];
  }
  if (from === '@aws-sdk/client-kms') return [`kms:${operation}`];
  expect(from).toBe('@aws-sdk/client-cognito-identity-provider');
  return [`cognito-idp:${operation}`];
}

/** The actions behind every call that the program's sources import; the demo calls a simulator. */
function calledActions(): string[] {
  const folder = join(ROOT, 'src');
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.startsWith(join('cli', 'demo')),
  );
  const actions = sources.flatMap((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const imports = text.matchAll(
      /\{([^{}]*)\}\s*(?:from|= await import\()\s*'(@aws-sdk\/[^']+)'/g,
    );
    const called = [...imports].flatMap(([, names = '', from = '']) =>
      names.split(',').flatMap((each) => actionOf(each.trim(), from, text.includes('VersionId'))),
    );
    // S3 asks KMS in the caller's name: for a key to write with, and to read, parts included.
    const encrypts = text.includes('SSEKMSKeyId') ? ['kms:GenerateDataKey', 'kms:Decrypt'] : [];
    // The service passes the role of a group in the caller's name.
    const passes = text.includes('CreateGroupCommand') ? ['iam:PassRole'] : [];
    return [...called, ...encrypts, ...passes];
  });
  return [...new Set(actions)].sort();
}

test('the documented policies allow what the program calls, and nothing else', () => {
  const called = calledActions();
  expect(called.length).toBeGreaterThan(10);
  expect(actionsOf([...OWN, ...ASSUMING, ...RESTORING])).toEqual(called);
  const ofPools = called.filter((action) => /^cognito-idp:(?!ListUserPools$)/.test(action));
  const reads = ofPools.filter((action) => !actionsOf(RESTORING).includes(action));
  expect(actionsOf(OF_THE_ROLE)).toEqual(reads);
  expect(actionsOf(TRUST)).toEqual(['sts:AssumeRole']);
});

test('`iam-policy` prints the documented policies, and its list has no other action', async () => {
  const ROLE = 'arn:aws:iam::111122223333:role/the-role-of-a-group';
  const options = await loadOptions({
    COGNITO_POOLS: 'us-east-1_Ab12Cd34',
    ARCHIVE_URL: 's3://my-bucket/cognito',
    ARCHIVE_LOCK_MODE: 'governance',
    ARCHIVE_LOCK_DAYS: '365',
    ARCHIVE_KMS_KEY_ID:
      'arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555',
    ARCHIVE_SIGNING_KEY:
      'kms:arn:aws:kms:us-east-1:111122223333:key/66666666-7777-8888-9999-000000000000',
    MIRROR_POOL_SETTINGS: 'true',
    MIRROR_HASH_KEY: 'x'.repeat(40),
  });
  const account = { account: '111122223333' };
  const own = await iamPolicy({ ...account, listPools: true }, options);
  expect(own.Statement).toEqual(OWN);
  const restoring = await iamPolicy({ ...account, restore: true, groupRoles: [ROLE] }, options);
  const sids = RESTORING.map(({ Sid }) => Sid);
  expect(restoring.Statement.filter(({ Sid }) => sids.includes(Sid))).toEqual(RESTORING);

  const elsewhere = {
    ...options,
    pools: ['eu-west-1_Ij90Kl12'],
    perPool: {
      'eu-west-1_Ij90Kl12': {
        role: { arn: 'arn:aws:iam::444455556666:role/cognito-mirror', externalId: 'a-text' },
      },
    },
  };
  const { Statement } = await iamPolicy(account, elsewhere);
  expect(Statement.filter(({ Sid }) => Sid === 'ReadPoolsOfOtherAccounts')).toEqual(ASSUMING);
  expect(Statement.some(({ Sid }) => Sid === 'ReadPools')).toBe(false);
  const role = 'arn:aws:iam::444455556666:role/cognito-mirror';
  expect((await iamPolicy({ role }, elsewhere)).Statement).toEqual(OF_THE_ROLE);
  expect(Object.values(IAM_ACTIONS).flat().sort()).toEqual(calledActions());
});

test('`iam-policy` leaves out what a configuration does not use', async () => {
  const plain = await loadOptions({ COGNITO_POOLS: 'us-east-1_A' });
  expect((await iamPolicy({}, plain)).Statement.map(({ Sid }) => Sid)).toEqual(['ReadPools']);
  const all = await loadOptions({ COGNITO_POOLS: 'all', ARCHIVE_URL: 's3://whole-bucket' });
  const { Statement } = await iamPolicy({}, { ...all, region: 'cn-north-1' });
  expect(Statement).toMatchObject([
    { Sid: 'ReadPools', Resource: 'arn:aws-cn:cognito-idp:cn-north-1:*:userpool/*' },
    { Sid: 'FindPools' },
    { Sid: 'ListArchive', Resource: 'arn:aws-cn:s3:::whole-bucket' },
    { Sid: 'WriteArchive', Resource: 'arn:aws-cn:s3:::whole-bucket/*' },
    { Sid: 'OnlyForDoctor', Resource: 'arn:aws-cn:s3:::whole-bucket' },
  ]);
  expect(Statement[2]).not.toHaveProperty('Condition');
  // Without the option, the Region is that of the SDK, as for each call.
  vi.stubEnv('AWS_REGION', 'cn-north-1');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  expect((await iamPolicy({}, all)).Statement).toEqual(Statement);
  await expect(iamPolicy({}, {})).rejects.toThrow('no pool is named');
});

test('each allows single actions, on what is named', () => {
  expect(POLICIES).toHaveLength(5);
  for (const statement of POLICIES.flat()) {
    expect(statement.Effect).toBe('Allow');
    for (const action of actionsOf([statement])) expect(action).toMatch(/^[a-z0-9-]+:[A-Z]\w+$/);
    if (statement.Principal) {
      // Of another account: it must also know the external id.
      expect(statement.Principal).toEqual({ AWS: expect.stringMatching(/:role\/[\w-]+$/) });
      expect(statement.Condition).toHaveProperty(['StringEquals', 'sts:ExternalId']);
    } else if (WITHOUT_POOL.includes(actionsOf([statement]).join())) {
      expect(statement.Resource).toBe('*');
    } else {
      expect(statement.Resource).toMatch(/^arn:aws:[a-z0-9-]+:[\w-]*:\d*:[\w/.-]+(\/\*)?$/);
    }
  }
});

test('every request to S3 is within the documented policy, and needs all of it', async () => {
  const buckets = { 'my-bucket': 'us-east-1' };
  const server = await startS3Server({ buckets, pageSize: 2, versions: 'object lock' });
  const listener = await listenBefore(server.url);
  const local = await temporaryFolder();
  onTestFinished(async () => {
    await listener.close();
    await server.close();
    await local.remove();
  });
  useS3(listener);
  const destination = await openDestination('s3://my-bucket/cognito');
  const signal = new AbortController().signal;
  const file = async (bytes: number) => {
    await writeFile(join(local.path, 'file'), randomBytes(bytes));
    return describeFile(join(local.path, 'file'));
  };
  await destination.check(signal, 'governance');
  await destination.inspect(signal);
  await destination.put('parts/small', await file(1_000), signal);
  await destination.put('parts/large', await file(10_000_000), signal);
  (await destination.read('parts/small', signal))?.destroy();
  const keys: string[] = [];
  for await (const { key } of destination.list('parts/', signal)) keys.push(key);
  // To name a lock, the mirror looks at the version that it could not delete.
  const { versions } = server.buckets.get('my-bucket') as S3Bucket;
  const [locked] = versions as [S3Version];
  locked.legalHold = true;
  await destination.delete(keys, signal);
  locked.legalHold = false;
  await destination.delete(keys, signal);

  const used = server.requests.map(({ operation, versioned }) => s3Action(operation, versioned));
  const allowed = actionsOf(OWN).filter((action) => action.startsWith('s3:'));
  expect([...new Set(used)].sort()).toEqual(allowed);
  const statement = (action: string) => OWN.find((each) => actionsOf([each]).includes(action));
  for (const action of ['s3:ListBucket', 's3:ListBucketVersions']) {
    expect(statement(action)?.Resource).toBe('arn:aws:s3:::my-bucket');
    expect(statement(action)?.Condition).toEqual({ StringLike: { 's3:prefix': 'cognito/*' } });
  }
  expect(statement('s3:PutObject')?.Resource).toBe('arn:aws:s3:::my-bucket/cognito/*');
  for (const line of listener.heard) {
    const { pathname, searchParams } = new URL(line.replace(/^\w+ /, ''), server.url);
    if (searchParams.has('delete') || searchParams.has('object-lock')) continue;
    if (searchParams.has('lifecycle')) continue;
    const isList = searchParams.has('list-type') || searchParams.has('versions');
    const named = isList ? `${pathname}/${searchParams.get('prefix')}` : pathname;
    expect(named).toMatch(/^\/my-bucket\/+cognito\//);
  }
  // Deletion names its keys in the body: none but ours are there to be gone.
  expect(server.buckets.get('my-bucket')?.versions).toEqual([]);
});
