import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { resolvePoolSettings } from '../../src/config/pool-settings.ts';
import { problemsOf, writeYaml } from './support.ts';

test('without variables, every setting has its documented default', () => {
  expect(loadConfig({})).toEqual({
    pools: [],
    poolsFrom: 'COGNITO_POOLS',
    databaseUrl: null,
    redisUrl: null,
    archiveUrl: pathToFileURL(resolve('.cognito-mirror/archive')).href,
    archiveFormats: ['parquet', 'jsonl'],
    archiveStorageClass: null,
    archiveSse: null,
    archiveKmsKeyId: null,
    archiveLockMode: null,
    archiveLockDays: null,
    archiveManifestLockDays: null,
    archiveSigningKey: null,
    archiveSigners: null,
    archiveKeep: null,
    omitAttributes: [],
    hashAttributes: [],
    archiveOmitAttributes: [],
    archiveHashAttributes: [],
    poolSettings: false,
    hashKey: null,
    pingUrl: null,
    webhookUrl: null,
    webhookSecret: null,
    webhookFormat: 'standard',
    webhookAllowPrivate: false,
    home: resolve('.cognito-mirror'),
    allowance: { share: 0.8, userListRps: 30 },
    maxRemovedRatio: 0.1,
    mfa: false,
    mfaBudget: 5_000,
    schedule: { pattern: '0 2 * * *', timezone: 'UTC' },
    verifySubsets: null,
    historyDays: null,
    http: { host: '127.0.0.1', port: 8080, token: null, viewToken: null },
    logLevel: 'info',
    file: { pools: new Map(), accounts: new Map() },
  });
});

test('every variable is read', () => {
  const env = {
    COGNITO_POOLS: 'us-east-1_Aa1, eu-west-1_Bb2 ,us-east-1_Aa1',
    DATABASE_URL: 'postgresql://u:p@db/x',
    REDIS_URL: 'rediss://r:6380',
    ARCHIVE_URL: 's3://bucket/some/prefix',
    ARCHIVE_FORMATS: 'jsonl',
    ARCHIVE_STORAGE_CLASS: 'STANDARD_IA',
    ARCHIVE_SSE: 'aws:kms',
    ARCHIVE_KMS_KEY_ID: 'alias/key',
    ARCHIVE_LOCK_MODE: 'compliance',
    ARCHIVE_LOCK_DAYS: '365',
    ARCHIVE_MANIFEST_LOCK_DAYS: '3650',
    ARCHIVE_SIGNING_KEY: 'kms:arn:aws:kms:us-east-1:111122223333:key/mrk-1234',
    ARCHIVE_SIGNERS: '/etc/signers',
    MIRROR_VERIFY_SUBSET: '7',
    ARCHIVE_KEEP: ' daily = 30, monthly=12,yearly=7 ',
    MIRROR_OMIT_ATTRIBUTES: 'phone_number, custom:tenant',
    MIRROR_HASH_ATTRIBUTES: 'email',
    ARCHIVE_OMIT_ATTRIBUTES: 'birthdate',
    ARCHIVE_HASH_ATTRIBUTES: 'name',
    MIRROR_POOL_SETTINGS: 'true',
    MIRROR_HASH_KEY: 'kX9tW3mB7qZr5vNc8yHd2fLs6gJp4aUe',
    MIRROR_PING_URL: 'https://hc-ping.com/key/{pool}',
    MIRROR_WEBHOOK_URL: 'http://10.0.0.1/hook',
    MIRROR_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    MIRROR_WEBHOOK_FORMAT: 'slack',
    MIRROR_WEBHOOK_ALLOW_PRIVATE: 'true',
    MIRROR_HOME: '/srv/mirror',
    MIRROR_QUOTA_SHARE: '1',
    MIRROR_USER_LIST_RPS: '60.5',
    MIRROR_WRITE_QUOTAS: 'UserCreation=500, UserUpdate = 12.5',
    MIRROR_MAX_REMOVED_RATIO: '0',
    MIRROR_MFA: 'true',
    MIRROR_MFA_BUDGET: '200',
    MIRROR_HISTORY_DAYS: '30',
    MIRROR_CONFIG: writeYaml('pools: { us-east-1_Aa1: { maxRemovedRatio: 0.5 } }'),
    MIRROR_SCHEDULE: '*/30 * * * *',
    MIRROR_TIMEZONE: 'America/Argentina/Buenos_Aires',
    MIRROR_HTTP_TOKEN: '0123456789abcdef',
    MIRROR_HTTP_VIEW_TOKEN: 'fedcba9876543210',
    HOST: '0.0.0.0',
    PORT: '0',
    LOG_LEVEL: 'debug',
  };
  const config = loadConfig(env, { worker: true });
  expect(config).toEqual({
    pools: ['us-east-1_Aa1', 'eu-west-1_Bb2'],
    poolsFrom: 'COGNITO_POOLS',
    databaseUrl: 'postgresql://u:p@db/x',
    redisUrl: 'rediss://r:6380',
    archiveUrl: 's3://bucket/some/prefix',
    archiveFormats: ['jsonl'],
    archiveStorageClass: 'STANDARD_IA',
    archiveSse: 'aws:kms',
    archiveKmsKeyId: 'alias/key',
    archiveLockMode: 'compliance',
    archiveLockDays: 365,
    archiveManifestLockDays: 3650,
    archiveSigningKey: 'kms:arn:aws:kms:us-east-1:111122223333:key/mrk-1234',
    archiveSigners: '/etc/signers',
    verifySubsets: 7,
    archiveKeep: { daily: 30, monthly: 12, yearly: 7 },
    omitAttributes: ['phone_number', 'custom:tenant'],
    hashAttributes: ['email'],
    archiveOmitAttributes: ['birthdate'],
    archiveHashAttributes: ['name'],
    poolSettings: true,
    hashKey: 'kX9tW3mB7qZr5vNc8yHd2fLs6gJp4aUe',
    pingUrl: 'https://hc-ping.com/key/{pool}',
    webhookUrl: 'http://10.0.0.1/hook',
    webhookSecret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    webhookFormat: 'slack',
    webhookAllowPrivate: true,
    home: resolve('/srv/mirror'),
    allowance: {
      share: 1,
      userListRps: 60.5,
      writeQuotas: { UserCreation: 500, UserUpdate: 12.5 },
    },
    maxRemovedRatio: 0,
    mfa: true,
    mfaBudget: 200,
    schedule: { pattern: '*/30 * * * *', timezone: 'America/Argentina/Buenos_Aires' },
    historyDays: 30,
    http: {
      host: '0.0.0.0',
      port: 0,
      token: '0123456789abcdef',
      viewToken: 'fedcba9876543210',
    },
    logLevel: 'debug',
    file: { pools: new Map([['us-east-1_Aa1', { maxRemovedRatio: 0.5 }]]), accounts: new Map() },
  });
  expect(Object.isFrozen(config)).toBe(true);
});

test.each([
  ['/etc/cognito-mirror/key', null],
  ['~/key', 'the path starts with ~, which only a shell expands.'],
  ['kms:arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/12ab-34cd', null],
  ['kms:arn:aws:kms:us-east-1:111122223333:alias/key', 'must be kms: and the ARN of a key.'],
  ['kms:alias/key', 'must be kms: and the ARN of a key.'],
  ['arn:aws:kms:us-east-1:111122223333:key/12ab', 'must be kms: and the ARN of a key.'],
])('ARCHIVE_SIGNING_KEY %j is a path or the ARN of a key', (text, problem) => {
  const problems = problemsOf({ ARCHIVE_SIGNING_KEY: text });
  expect(problems).toEqual(
    problem === null
      ? []
      : [expect.stringContaining(`ARCHIVE_SIGNING_KEY: ${problem} Give the path of a private key`)],
  );
});

test.each([
  [
    { ARCHIVE_STORAGE_CLASS: 'GLACIER' },
    'ARCHIVE_STORAGE_CLASS: must be a storage class whose objects can be read at once, not "GLACIER". Give one of STANDARD, INTELLIGENT_TIERING, STANDARD_IA, ONEZONE_IA, GLACIER_IR. A lifecycle rule can move parts to colder classes later.',
  ],
  [
    { ARCHIVE_SSE: 'aws' },
    'ARCHIVE_SSE: must be a server-side encryption of S3, not "aws". Give AES256 or aws:kms.',
  ],
  [
    { ARCHIVE_SSE: 'AES256', ARCHIVE_KMS_KEY_ID: 'alias/key' },
    'ARCHIVE_KMS_KEY_ID: a key of KMS cannot be combined with ARCHIVE_SSE=AES256. Unset it, or set ARCHIVE_SSE to aws:kms.',
  ],
])('%j is refused', (env, problem) => {
  expect(problemsOf(env)).toEqual([problem]);
});

test.each([
  ['daily=0', '"daily=0" must have a whole number from 1 up. Leave a kind out to keep none of it.'],
  [
    'daily=-1',
    '"daily=-1" must have a whole number from 1 up. Leave a kind out to keep none of it.',
  ],
  [
    'daily=3.5',
    '"daily=3.5" must have a whole number from 1 up. Leave a kind out to keep none of it.',
  ],
  ['daily=1,hourly=24', '"hourly=24" names an unknown kind.'],
  ['30', '"30" must be a kind and a number.'],
  ['daily=3,', '"" must be a kind and a number.'],
  ['daily', '"daily" must be a kind and a number.'],
  [
    'daily=3;monthly=2',
    '"daily=3;monthly=2" must have a whole number from 1 up. Leave a kind out to keep none of it.',
  ],
  ['daily=3,daily=4', '"daily=4" repeats a kind.'],
])('ARCHIVE_KEEP %j is refused with the right form', (text, problem) => {
  expect(problemsOf({ ARCHIVE_KEEP: text })).toEqual([
    `ARCHIVE_KEEP: ${problem} Give a number for one or more of last, daily, weekly, monthly and yearly, such as daily=30,monthly=12,yearly=7.`,
  ]);
});

test('empty variables count as unset', () => {
  expect(loadConfig({ DATABASE_URL: '', MIRROR_HISTORY_DAYS: ' ' })).toEqual(loadConfig({}));
});

test('the default archive is under MIRROR_HOME', () => {
  const { archiveUrl } = loadConfig({ MIRROR_HOME: '/srv/a b' });
  expect(archiveUrl).toBe(pathToFileURL(join(resolve('/srv/a b'), 'archive')).href);
});

describe('pools', () => {
  test('of the command line override the variable, even an invalid one', () => {
    const env = { COGNITO_POOLS: 'nonsense' };
    expect(loadConfig(env, { pools: ['eu-west-1_Cc3', 'eu-west-1_Cc3'] }).pools).toEqual([
      'eu-west-1_Cc3',
    ]);
    expect(loadConfig({ COGNITO_POOLS: 'us-east-1_A' }, { pools: [] }).pools).toEqual([
      'us-east-1_A',
    ]);
  });

  test('may be `all`, which cannot be combined with ids', () => {
    expect(loadConfig({ COGNITO_POOLS: 'all' }).pools).toBe('all');
    expect(loadConfig({}, { pools: ['all'] }).pools).toBe('all');
    expect(problemsOf({ COGNITO_POOLS: 'all,us-east-1_A' })).toHaveLength(1);
  });

  test('with malformed ids are reported one by one', () => {
    const problems = problemsOf({
      COGNITO_POOLS: 'us-east-1_Good,ba/d,us-east-1_?,also bad\u001b[31m',
    });
    expect(problems).toHaveLength(3);
    expect(problems[0]).toMatch(/^COGNITO_POOLS: "ba\/d" is not a pool id\. .*us-east-1_Ab12Cd34/);
    expect(problems[2]).toContain('also bad\\u001b[31m');
    expect(problemsOf({}, { pools: ['x!'] })[0]).toMatch(/^POOL: "x!" .*separated by spaces/);
  });

  test('given as an ARN are those of the id in it', () => {
    const arn = 'arn:aws:cognito-idp:us-east-1:111122223333:userpool/us-east-1_Ab12Cd34';
    expect(loadConfig({}, { pools: [arn, 'us-east-1_Ab12Cd34'] }).pools).toEqual([
      'us-east-1_Ab12Cd34',
    ]);
    expect(problemsOf({ COGNITO_POOLS: `${arn}/x` })[0]).toMatch(/is not a pool id/);
    expect(problemsOf({ COGNITO_POOLS: arn.replace('us-east-1:', 'us-west-2:') })[0]).toMatch(
      /has another Region than the pool id in it\./,
    );
  });

  test('in a misspelt variable are suggested only if no pool is named', () => {
    const env = { COGNITO_POOL: 'us-east-1_A', COGNITO_USER_POOL_CLIENT_ID: 'x' };
    expect(problemsOf(env, { needsPools: true })[0]).toContain(
      'COGNITO_POOL is set: did you mean COGNITO_POOLS?',
    );
    expect(problemsOf({ COGNITO_USER_POOL_CLIENT_ID: 'x' }, { needsPools: true })[0]).not.toContain(
      'did you mean',
    );
    expect(loadConfig({ ...env, COGNITO_POOLS: 'us-east-1_B' }).pools).toEqual(['us-east-1_B']);
  });

  test('are read in the Region of their id unless the file names another', () => {
    const config = loadConfig({});
    expect(resolvePoolSettings(config, 'eu-west-3_Aa1').region).toBe('eu-west-3');
    const file = { ...config.file, pools: new Map([['eu-west-3_Aa1', { region: 'us-east-1' }]]) };
    expect(resolvePoolSettings({ ...config, file }, 'eu-west-3_Aa1').region).toBe('us-east-1');
  });

  test('that a command requires are reported as missing, with how to name them', () => {
    const problems = problemsOf({}, { needsPools: true });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^COGNITO_POOLS: no pool is named\. .*command line/);
    expect(problemsOf({ COGNITO_POOLS: 'ba/d' }, { needsPools: true })).toHaveLength(1);
    expect(problemsOf({ COGNITO_POOLS: ' , ' })).toHaveLength(1);
  });
});

describe('an invalid value', () => {
  const wrong: Record<string, string[]> = {
    DATABASE_URL: ['localhost', 'mysql://u:s3cret@h/x', '5432'],
    REDIS_URL: ['localhost:6379', 'http://s3cret@h', 'redis://u:s3cret%@h', 'redis://50%off@h'],
    ARCHIVE_URL: [
      '/data',
      'bucket',
      's3://',
      's3:///prefix',
      'file://host/x',
      'https://x/y',
      's3://k:s3cret@b/p',
    ],
    ARCHIVE_FORMATS: ['orc', 'parquet,orc', ','],
    MIRROR_QUOTA_SHARE: ['0', '1.01', '-0.5', 'half', '80%', 'NaN', 'Infinity', '0x1'],
    MIRROR_USER_LIST_RPS: ['0', '-1', 'fast'],
    MIRROR_WRITE_QUOTAS: [
      'UserCreation',
      'UserCreation=0',
      'UserCreation=-5',
      'userCreation=5',
      'UserList=30',
      'UserCreation=5,UserCreation=6',
      'UserCreation=5,',
    ],
    MIRROR_MAX_REMOVED_RATIO: ['-0.1', '1.5', 'none'],
    MIRROR_MFA: ['yes', '1', 'TRUE'],
    MIRROR_MFA_BUDGET: ['0', '1.5', '1000001', 'all'],
    MIRROR_HISTORY_DAYS: ['0', '-3', '1.5', 'forever'],
    MIRROR_SCHEDULE: [
      'daily',
      '@never',
      '0 2',
      '0 2 * *',
      '0 0 2 * * * *',
      '60 * * * *',
      '0 24 * * *',
      '0 0 30 2 *',
      '0 0 31 2,4,6 *',
      'H 2 * * *',
    ],
    MIRROR_TIMEZONE: ['Europe/Berln', '+02:00', 'UTC+2', 'local', '2'],
    MIRROR_HTTP_VIEW_TOKEN: ['s3cret'],
    MIRROR_HTTP_TOKEN: ['s3cret', 's3cret with spaces and more', 's3cretünicode0123456'],
    LOG_LEVEL: ['verbose', 'INFO'],
  };
  for (const [name, values] of Object.entries(wrong)) {
    test.each(values)(
      `gives one problem with its remedy and without secrets: ${name}=%s`,
      (value) => {
        const problems = problemsOf({ [name]: value });
        expect(problems).toHaveLength(1);
        expect(problems[0]).toMatch(new RegExp(`^${name}: .+\\. Give `));
        expect(problems[0]).not.toContain('s3cret');
      },
    );
  }

  test('is reported together with all others', () => {
    const env = Object.fromEntries(Object.entries(wrong).map(([name, [value]]) => [name, value]));
    expect(problemsOf({ ...env, COGNITO_POOLS: 'ba/d', MIRROR_X: '1' })).toHaveLength(18);
  });
});

describe('a schedule', () => {
  test.each([
    '0 2 * * *',
    '*/10 0 2 * * *',
    '@daily',
    '0 0 29 2 *',
    '0 0 L * *',
    '0 9 * * MON-THU',
  ])('may be %s', (pattern) => {
    expect(loadConfig({ MIRROR_SCHEDULE: pattern }).schedule).toEqual({
      pattern,
      timezone: 'UTC',
    });
  });
});
