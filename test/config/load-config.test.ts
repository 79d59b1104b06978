import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { ConfigurationError } from '../../src/model/errors.ts';

/** The problems that loading finds, as `subject: problem remedy`. */
function problemsOf(env: NodeJS.ProcessEnv, options = {}): string[] {
  try {
    loadConfig(env, options);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message.split('\n');
    throw error;
  }
  return [];
}

test('with nothing set, every default is that of the contract', () => {
  expect(loadConfig({})).toEqual({
    pools: [],
    databaseUrl: null,
    redisUrl: null,
    archiveUrl: pathToFileURL(resolve('.cognito-mirror/archive')).href,
    archiveFormats: ['parquet', 'jsonl'],
    archiveKmsKeyId: null,
    home: resolve('.cognito-mirror'),
    quotaShare: 0.8,
    userListRps: 30,
    maxRemoved: 0.1,
    historyDays: null,
    logLevel: 'info',
  });
});

test('every variable is read', () => {
  const config = loadConfig({
    COGNITO_POOLS: 'us-east-1_Aa1, eu-west-1_Bb2 ,us-east-1_Aa1',
    DATABASE_URL: 'postgresql://u:p@db/x',
    REDIS_URL: 'rediss://r:6380',
    ARCHIVE_URL: 's3://bucket/some/prefix',
    ARCHIVE_FORMATS: 'jsonl',
    ARCHIVE_KMS_KEY_ID: 'alias/key',
    MIRROR_HOME: '/srv/mirror',
    MIRROR_QUOTA_SHARE: '1',
    MIRROR_USER_LIST_RPS: '60.5',
    MIRROR_MAX_REMOVED: '0',
    MIRROR_HISTORY_DAYS: '30',
    LOG_LEVEL: 'debug',
  });
  expect(config).toEqual({
    pools: ['us-east-1_Aa1', 'eu-west-1_Bb2'],
    databaseUrl: 'postgresql://u:p@db/x',
    redisUrl: 'rediss://r:6380',
    archiveUrl: 's3://bucket/some/prefix',
    archiveFormats: ['jsonl'],
    archiveKmsKeyId: 'alias/key',
    home: resolve('/srv/mirror'),
    quotaShare: 1,
    userListRps: 60.5,
    maxRemoved: 0,
    historyDays: 30,
    logLevel: 'debug',
  });
  expect(Object.isFrozen(config)).toBe(true);
});

test('a variable set to nothing is as one not set', () => {
  expect(loadConfig({ DATABASE_URL: '', MIRROR_HISTORY_DAYS: ' ' })).toEqual(loadConfig({}));
});

test('the archive lies under MIRROR_HOME unless it is named', () => {
  const { archiveUrl } = loadConfig({ MIRROR_HOME: '/srv/a b' });
  expect(archiveUrl).toBe(pathToFileURL(join(resolve('/srv/a b'), 'archive')).href);
});

describe('pools', () => {
  test('the command line overrides the variable, which may then be wrong', () => {
    const env = { COGNITO_POOLS: 'nonsense' };
    expect(loadConfig(env, { pools: ['eu-west-1_Cc3', 'eu-west-1_Cc3'] }).pools).toEqual([
      'eu-west-1_Cc3',
    ]);
    expect(loadConfig({ COGNITO_POOLS: 'us-east-1_A' }, { pools: [] }).pools).toEqual([
      'us-east-1_A',
    ]);
  });

  test('`all` stands for every pool, and stands alone', () => {
    expect(loadConfig({ COGNITO_POOLS: 'all' }).pools).toBe('all');
    expect(loadConfig({}, { pools: ['all'] }).pools).toBe('all');
    expect(problemsOf({ COGNITO_POOLS: 'all,us-east-1_A' })).toHaveLength(1);
  });

  test('every malformed id is named by itself', () => {
    const problems = problemsOf({
      COGNITO_POOLS: 'us-east-1_Good,bad,us-east-1_,also bad\u001b[31m',
    });
    expect(problems).toHaveLength(3);
    expect(problems[0]).toMatch(/^COGNITO_POOLS: "bad" is no pool id\. .*us-east-1_Ab12Cd34/);
    expect(problems[2]).toContain('also bad\\u001b[31m');
    expect(problemsOf({}, { pools: ['x'] })[0]).toMatch(/^POOL: "x"/);
  });

  test('a command that needs pools says how to name them', () => {
    const problems = problemsOf({}, { needsPools: true });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^COGNITO_POOLS: no pool is named\. .*command line/);
    expect(problemsOf({ COGNITO_POOLS: 'bad' }, { needsPools: true })).toHaveLength(1);
    expect(problemsOf({ COGNITO_POOLS: ' , ' })).toHaveLength(1);
  });
});

describe('wrong values', () => {
  const wrong: Record<string, string[]> = {
    DATABASE_URL: ['localhost', 'mysql://u:s3cret@h/x', '5432'],
    REDIS_URL: ['localhost:6379', 'http://s3cret@h'],
    ARCHIVE_URL: [
      '/data',
      'bucket',
      's3://',
      's3:///prefix',
      'file://host/x',
      'https://x/y',
      's3://k:s3cret@b/p',
    ],
    ARCHIVE_FORMATS: ['csv', 'parquet,csv', ','],
    MIRROR_QUOTA_SHARE: ['0', '1.01', '-0.5', 'half', '80%', 'NaN', 'Infinity', '0x1'],
    MIRROR_USER_LIST_RPS: ['0', '-1', 'fast'],
    MIRROR_MAX_REMOVED: ['-0.1', '1.5', 'none'],
    MIRROR_HISTORY_DAYS: ['0', '-3', '1.5', 'forever'],
    LOG_LEVEL: ['verbose', 'INFO'],
  };
  for (const [name, values] of Object.entries(wrong)) {
    test.each(values)(`${name}=%s is one problem with its remedy, and no secret in it`, (value) => {
      const problems = problemsOf({ [name]: value });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(new RegExp(`^${name}: .+\\. Give `));
      expect(problems[0]).not.toContain('s3cret');
    });
  }

  test('all of them are reported at once', () => {
    const env = Object.fromEntries(Object.entries(wrong).map(([name, [value]]) => [name, value]));
    expect(problemsOf({ ...env, COGNITO_POOLS: 'bad', MIRROR_X: '1' })).toHaveLength(11);
  });
});

describe('unknown variables', () => {
  test('a misspelt one is a problem that suggests the right one', () => {
    expect(problemsOf({ MIRROR_QOUTA_SHARE: '0.5' })).toEqual([
      'MIRROR_QOUTA_SHARE: there is no such variable. Did you mean MIRROR_QUOTA_SHARE? Rename or unset it.',
    ]);
    expect(problemsOf({ ARCHIVE_FORMAT: 'jsonl' })[0]).toContain('ARCHIVE_FORMATS');
    expect(problemsOf({ MIRROR_SOMETHING_ELSE: '1' })[0]).toMatch(/no such variable\. Unset it\.$/);
  });

  test("other programs' variables and those of the worker are none", () => {
    expect(
      problemsOf({
        PATH: '/bin',
        AWS_REGION: 'x',
        MIRROR_SCHEDULE: '0 2 * * *',
        MIRROR_HTTP_TOKEN: 't',
      }),
    ).toEqual([]);
  });
});
