import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { resolveAllowances, resolvePoolSettings } from '../../src/config/pool-settings.ts';
import { loadYaml, problemsOf, writeYaml, yamlProblemsOf } from './support.ts';

const WHOLE = `
pools:
  us-east-1_Ab12Cd34:
    role: { arn: arn:aws:iam::123456789012:role/cognito-mirror, externalId: abc }
    schedule: "0 3 * * *"
    timezone: Europe/Berlin
    archiveUrl: s3://bucket/prefix
    maxRemovedRatio: 0.2
    mfa: true
    mfaBudget: 700
  us-east-1_Other: {}
  eu-west-1_Empty:
accounts:
  "123456789012":
    us-east-1: { quotaShare: 0.5, userListRps: 40 }
    eu-west-1: { userListRps: 60, writeQuotas: "UserCreation=200" }
  210987654321:
    us-east-1: { quotaShare: 0.9 }
    us-west-2:
  "000000000001":
`;

const ENVIRONMENT = {
  ARCHIVE_URL: 's3://environment',
  MIRROR_SCHEDULE: '0 1 * * *',
  MIRROR_TIMEZONE: 'Asia/Tokyo',
  MIRROR_MAX_REMOVED_RATIO: '0.3',
  MIRROR_QUOTA_SHARE: '0.7',
  MIRROR_USER_LIST_RPS: '20',
};

const NO_PRIVACY = { database: { omit: [], hash: [] }, archive: { omit: [], hash: [] } };

describe('the settings of a pool', () => {
  test('come from the file', () => {
    expect(resolvePoolSettings(loadYaml(WHOLE, ENVIRONMENT), 'us-east-1_Ab12Cd34')).toEqual({
      region: 'us-east-1',
      role: { arn: 'arn:aws:iam::123456789012:role/cognito-mirror', externalId: 'abc' },
      schedule: { pattern: '0 3 * * *', timezone: 'Europe/Berlin' },
      archiveUrl: 's3://bucket/prefix',
      archiveLock: null,
      archiveStorageClass: null,
      maxRemovedRatio: 0.2,
      privacy: NO_PRIVACY,
      mfaBudget: 700,
      poolSettings: false,
      pingUrl: null,
    });
  });

  test.each([
    ['us-east-1_Other', 'us-east-1'],
    ['eu-west-1_Empty', 'eu-west-1'],
    ['us-east-1_NotInTheFile', 'us-east-1'],
  ])('come from its id and the environment if the file sets nothing: %s', (poolId, region) => {
    expect(resolvePoolSettings(loadYaml(WHOLE, ENVIRONMENT), poolId)).toEqual({
      region,
      role: null,
      schedule: { pattern: '0 1 * * *', timezone: 'Asia/Tokyo' },
      archiveUrl: 's3://environment',
      archiveLock: null,
      archiveStorageClass: null,
      maxRemovedRatio: 0.3,
      privacy: NO_PRIVACY,
      mfaBudget: null,
      poolSettings: false,
      pingUrl: null,
    });
  });

  test('take the time zone of the environment if only a schedule is set', () => {
    const config = loadYaml('pools: {us-east-1_A: {schedule: "@daily"}}', ENVIRONMENT);
    expect(resolvePoolSettings(config, 'us-east-1_A').schedule).toEqual({
      pattern: '@daily',
      timezone: 'Asia/Tokyo',
    });
  });

  test.each([
    ['{}', { MIRROR_MFA: 'true' }, 5_000],
    ['{}', { MIRROR_MFA: 'true', MIRROR_MFA_BUDGET: '200' }, 200],
    ['{mfa: true}', {}, 5_000],
    ['{mfaBudget: 9}', { MIRROR_MFA: 'true', MIRROR_MFA_BUDGET: '200' }, 9],
    ['{mfaBudget: 9}', {}, null],
    ['{mfa: false}', { MIRROR_MFA: 'true' }, null],
    ['{}', { MIRROR_MFA: 'false', MIRROR_MFA_BUDGET: '200' }, null],
  ])('say whether MFA states are read: %s with %j', (entry, variables, mfaBudget) => {
    const config = loadYaml(`pools: {us-east-1_A: ${entry}}`, variables);
    expect(resolvePoolSettings(config, 'us-east-1_A')).toMatchObject({ mfaBudget });
  });

  test('can be merged from another pool, in any number of pools', () => {
    const config = loadYaml(`
pools:
  us-east-1_A: &base {maxRemovedRatio: 0.2, timezone: UTC}
  us-east-1_B: {<<: *base, maxRemovedRatio: 0.4}
${Array.from({ length: 300 }, (_, index) => `  us-east-1_C${index}: *base`).join('\n')}
`);
    expect(resolvePoolSettings(config, 'us-east-1_C299')).toMatchObject({ maxRemovedRatio: 0.2 });
    expect(resolvePoolSettings(config, 'us-east-1_B')).toMatchObject({ maxRemovedRatio: 0.4 });
    expect(resolvePoolSettings(config, 'us-east-1_B').schedule.timezone).toBe('UTC');
  });
});

describe('the quotas of an account and Region', () => {
  test('come from the file, else from the environment', () => {
    const allowances = resolveAllowances(loadYaml(WHOLE, ENVIRONMENT));
    expect(allowances.of('123456789012', 'us-east-1')).toEqual({ share: 0.5, userListRps: 40 });
    expect(allowances.of('123456789012', 'eu-west-1')).toEqual({
      share: 0.7,
      userListRps: 60,
      writeQuotas: { UserCreation: 200 },
    });
    expect(allowances.of('123456789012', 'ap-south-1')).toEqual({ share: 0.7, userListRps: 20 });
    expect(allowances.of('210987654321', 'us-east-1')).toEqual({ share: 0.9, userListRps: 20 });
    expect(allowances.of('210987654321', 'us-west-2')).toEqual({ share: 0.7, userListRps: 20 });
    expect(allowances.of('000000000001', 'us-east-1')).toEqual({ share: 0.7, userListRps: 20 });
  });

  test('the smallest share in a Region counts its accounts and the environment', () => {
    const allowances = resolveAllowances(loadYaml(WHOLE, ENVIRONMENT));
    expect(allowances.leastShare('us-east-1')).toBe(0.5);
    expect(allowances.leastShare('eu-west-1')).toBe(0.7);
    expect(resolveAllowances(loadConfig({})).leastShare('us-east-1')).toBe(0.8);
  });
});

describe('the pools to mirror', () => {
  const ids = ['us-east-1_Ab12Cd34', 'us-east-1_Other', 'eu-west-1_Empty'];

  test('are those of the file if no others are named', () => {
    expect(loadYaml(WHOLE).pools).toEqual(ids);
    const MIRROR_CONFIG = writeYaml(WHOLE);
    expect(loadConfig({ MIRROR_CONFIG }, { needsPools: true }).pools).toEqual(ids);
  });

  test('are those of the variable or the command line, even if the file does not have them', () => {
    const MIRROR_CONFIG = writeYaml(WHOLE);
    const env = { MIRROR_CONFIG, COGNITO_POOLS: 'us-east-1_New' };
    expect(loadConfig(env).pools).toEqual(['us-east-1_New']);
    expect(loadConfig(env, { pools: ['us-east-1_Other'] }).pools).toEqual(['us-east-1_Other']);
  });

  test('are all pools with `all`; the file keeps its own', () => {
    const config = loadYaml(WHOLE, { COGNITO_POOLS: 'all' });
    expect(config.pools).toBe('all');
    expect([...config.file.pools.keys()]).toEqual(ids);
  });

  test('are missing if the file does not name any', () => {
    const MIRROR_CONFIG = writeYaml('accounts: {}');
    expect(problemsOf({ MIRROR_CONFIG }, { needsPools: true })).toHaveLength(1);
    expect(loadConfig({ MIRROR_CONFIG }).pools).toEqual([]);
  });
});

describe('a file that cannot be read', () => {
  const here = dirname(new URL(import.meta.url).pathname);

  test.each([
    ['is missing', join(here, 'nowhere.yaml'), 'does not exist'],
    ['is a folder', here, 'is a folder'],
    ['is a device', '/dev/null', 'is not a regular file'],
    ['has a file as its parent', join(here, 'support.ts/x.yaml'), 'cannot be read (ENOTDIR)'],
  ])('because it %s, is reported', (_, path, message) => {
    const problems = problemsOf({ MIRROR_CONFIG: path }, { needsPools: true });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`MIRROR_CONFIG: ${path} ${message}. Give the path`);
  });

  test('because it is a pipe, is reported without reading it', () => {
    const path = `${writeYaml('')}.pipe`;
    execFileSync('mkfifo', [path]);
    expect(problemsOf({ MIRROR_CONFIG: path })[0]).toContain('is not a regular file');
  });

  test.each([
    ['is empty', '', 'is empty'],
    ['is blank', ' \n\n', 'is empty'],
    ['is too large', '#'.repeat(1_000_001), 'is larger than 1 MB'],
    ['is not UTF-8', new Uint8Array([0x70, 0x6f, 0xff, 0xfe]), 'is not UTF-8'],
  ])('because it %s, is reported', (_, content, message) => {
    const path = writeYaml(content);
    expect(problemsOf({ MIRROR_CONFIG: path })).toEqual([
      expect.stringContaining(`MIRROR_CONFIG: ${path} ${message}. `),
    ]);
  });

  test('because its path has control characters, is reported without them', () => {
    const [problem] = problemsOf({ MIRROR_CONFIG: '/x\u001b[31m' });
    expect(problem).toMatch(/^MIRROR_CONFIG: the path has .* control character/);
    expect(problem).not.toMatch(/\p{Cc}/u);
  });
});

describe('a file with invalid content', () => {
  test.each([
    ['a comment alone', '# pools', /^1: the file must be a mapping/],
    ['a sequence', '- us-east-1_A', /^1: the file must be a mapping/],
    ['text', 'us-east-1_A', /^1: the file must be a mapping/],
    ['a broken line', 'pools:\n  us-east-1_A: "x\n', /^\d: invalid YAML \(MISSING_CHAR\)/],
    ['a tab', 'pools:\n\tus-east-1_A: {}', /^2: invalid YAML \(TAB_AS_INDENT\)/],
    ['two documents', 'pools: {}\n---\npools: {}', /^2: a second YAML document starts/],
    ['a duplicate key', 'pools:\n  us-east-1_A: {}\n  us-east-1_A: {}', /^3: duplicate key/],
    ['a collection as a key', 'pools:\n  ? [a]\n  : {}', /^2: YAML does not read the key/],
    ['an alias without an anchor', 'pools:\n  us-east-1_A: *base', /^2: the alias has no anchor/],
    [
      'many levels in a line',
      `pools:\n  ${'- '.repeat(400_000)}`,
      /^2: the YAML is nested too deep/,
    ],
    ['deep keys', `pools:\n  ${'? '.repeat(5_000)}`, /^2: the YAML is nested too deeply/],
    ['many levels in many lines', `${'- '.repeat(1_000)}\n`.repeat(100), /^1: the YAML is nested/],
    ['levels over many lines', '[\n'.repeat(100_000), /^\d+: the YAML is nested too deeply/],
    ['indentation', indented(1_300), /^\d+: the YAML is nested too deeply/],
    ['a circle', 'pools: &a\n  us-east-1_A: *a', /^2: pools.us-east-1_A.us-east-1_A: unknown key/],
    ['a merged circle', 'pools: &a\n  <<: *a\n', /^1: the YAML is nested too deeply, or its alias/],
    ['aliases of aliases', aliasBomb(), /^1: the YAML is nested too deeply, or its aliases expand/],
  ])('is reported by line: %s', (_, text, message) => {
    const problems = yamlProblemsOf(text);
    expect(problems).toEqual([expect.stringMatching(message)]);
  });

  test('is reported line by line, together with all other problems', () => {
    const path = writeYaml(`
pools:
  us-east-1_A:
    rolle: {}
    maxRemoved: 0.1
    schedule: "0 0 30 2 *"
    timezone: Mars/Olympus
    archiveUrl: s3://key:s3cret@bucket
    maxRemovedRatio: 2
    role: { ARN: s3cret, externalId: "§" }
  no/pool: { maxRemovedRatio: s3cret }
  us-east-1_B: [ s3cret ]
  us-east-1_C: { schedule: 5, role: null }
accounts:
  012345678901: {}
  "12345":
    us-east-1: { quotaShare: 0, userListRps: "30" }
  "123456789012":
    mars-1: { quotaShar: 0.5 }
databaseUrl: postgres://u:s3cret@h/d
`);
    const problems = problemsOf({
      MIRROR_CONFIG: path,
      MIRROR_MAX_REMOVED_RATIO: '3',
      MIRROR_X: '1',
    });
    const found = problems.map((problem) => problem.replace(`MIRROR_CONFIG (${path}:`, '('));
    const at = (line: number, text: string) => expect.stringContaining(`(${line}): ${text}`);
    expect(found).toEqual([
      expect.stringMatching(/^MIRROR_MAX_REMOVED_RATIO: must be a number from 0 to 1, not "3"\./),
      expect.stringMatching(/^MIRROR_X: unknown variable/),
      at(4, 'pools.us-east-1_A.rolle: unknown key. Did you mean role?'),
      at(5, 'pools.us-east-1_A.maxRemoved: it is now called maxRemovedRatio.'),
      at(
        6,
        'pools.us-east-1_A.schedule: must be a cron expression that comes due at some time. Give five',
      ),
      at(7, 'pools.us-east-1_A.timezone: must be the name of a time zone. Give a name of the IANA'),
      at(8, 'pools.us-east-1_A.archiveUrl: the URL must hold only a bucket or folder'),
      at(9, 'pools.us-east-1_A.maxRemovedRatio: must be a number from 0 to 1. Give a share'),
      at(10, 'pools.us-east-1_A.role.arn: is missing. Give an ARN such as arn:aws:iam::'),
      at(10, 'pools.us-east-1_A.role.externalId: must be 2 to 1224 letters'),
      at(10, 'pools.us-east-1_A.role.ARN: unknown key. Did you mean arn?'),
      at(11, 'pools.?.maxRemovedRatio: must be a number from 0 to 1.'),
      at(11, 'pools.?: the key must be the id, the ARN or the name of a pool. Give an id'),
      at(12, 'pools.us-east-1_B: must be a mapping of keys to values. See docs/'),
      at(13, 'pools.us-east-1_C.role: must be a mapping of keys to values.'),
      at(13, 'pools.us-east-1_C.schedule: must be a string; quote numbers and dates.'),
      at(15, 'YAML does not read the key as it is written. Quote or rename it.'),
      at(16, 'accounts.12345: the key must be an account id. Give its 12 digits, in quotes.'),
      at(17, 'accounts.12345.us-east-1.quotaShare: must be a number over 0 and up to 1.'),
      at(17, 'accounts.12345.us-east-1.userListRps: must be a number over 0.'),
      at(19, 'accounts.123456789012.mars-1.quotaShar: unknown key. Did you mean quotaS'),
      at(19, 'accounts.123456789012.mars-1: the key must be the name of a Region. Give'),
      at(20, 'databaseUrl: unknown key. Remove it. Known: pools, accounts.'),
    ]);
    expect(problems.join()).not.toContain('s3cret');
  });
});

describe('a role', () => {
  const problemsOfRole = (role: object) =>
    yamlProblemsOf(JSON.stringify({ pools: { 'us-east-1_A': { role } } }));

  test.each([
    'arn:aws:iam::123456789012:role/mirror',
    'arn:aws-cn:iam::123456789012:role/some/path/mirror+=,.@_-1',
    'arn:aws-us-gov:iam::000000000000:role/m',
    'arn:aws-iso-b:iam::123456789012:role/m',
  ])('may be %s', (arn) => {
    expect(problemsOfRole({ arn })).toEqual([]);
  });

  test.each([
    'mirror',
    'arn:aws:iam::12345678901:role/mirror',
    'arn:aws:iam::123456789012:user/mirror',
    'arn:aws:iam::123456789012:role/',
    'arn:aws:iam::123456789012:role/a b',
    `arn:aws:iam::123456789012:role/${'r'.repeat(65)}`,
    'arn:aws:iam:us-east-1:123456789012:role/mirror',
    'arn:azure:iam::123456789012:role/mirror',
    'arn:aws:sts::123456789012:assumed-role/mirror/session',
  ])('cannot be %s', (arn) => {
    expect(problemsOfRole({ arn })).toEqual([
      expect.stringContaining('must be the ARN of an IAM role'),
    ]);
  });

  test.each(['ab', 'a'.repeat(1224), 'Az09_+=,.@:/-'])(
    'may have an external id of 2 to 1224 characters',
    (id) => {
      expect(problemsOfRole({ arn: 'arn:aws:iam::123456789012:role/m', externalId: id })).toEqual(
        [],
      );
    },
  );

  test.each(['', 'a', 'a'.repeat(1225), 'with space', 'ünï'])(
    "cannot have an external id outside IAM's rules",
    (externalId) => {
      const problems = problemsOfRole({ arn: 'arn:aws:iam::123456789012:role/m', externalId });
      expect(problems).toEqual([expect.stringContaining('externalId: must be 2 to 1224')]);
    },
  );
});

describe('an account id', () => {
  test.each(['123456789012', '"123456789012"', '"012345678901"', "'000000000000'"])(
    'may be written as %s',
    (id) => {
      const config = loadYaml(`accounts:\n  ${id}: {us-east-1: {quotaShare: 0.5}}`);
      expect([...config.file.accounts.keys()]).toEqual([id.replaceAll(/['"]/g, '')]);
    },
  );

  test.each(['012345678901', '1e11', '0x1cbe991a14', '123456789012.0', '+123456789012'])(
    'that YAML reads as another number, such as %s, must be quoted',
    (id) => {
      expect(yamlProblemsOf(`accounts:\n  ${id}: {}`)).toEqual([
        '2: YAML does not read the key as it is written. Quote or rename it.',
      ]);
    },
  );

  test('must be unique, quoted or not', () => {
    expect(yamlProblemsOf('accounts:\n  "123456789012": {}\n  123456789012: {}')).toEqual([
      '3: duplicate key. Remove one of the two.',
    ]);
  });
});

/** Expands to nine to the ninth power of items. */
function aliasBomb(): string {
  const levels = 'bcdefghi'.split('').map((name, index) => {
    const before = `*${'abcdefgh'[index]}`;
    return `${name}: &${name} [${Array(9).fill(before).join(', ')}]`;
  });
  return ['a: &a [x, x, x, x, x, x, x, x, x]', ...levels].join('\n');
}

/** This many mappings, each inside the one before. */
function indented(levels: number): string {
  return Array.from({ length: levels }, (_, level) => `${' '.repeat(level)}a:`).join('\n');
}
