import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { resolvePoolSettings } from '../../src/config/pool-settings.ts';
import type { ActionRequiredError } from '../../src/model/errors.ts';

const URL = 'https://example.com/hook-TOKEN';
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** The problems of variables: subject and problem of each. */
function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    expect(String(error)).not.toMatch(/TOKEN/);
    const { problems } = error as ActionRequiredError;
    return problems.map(({ subject, problem }) => `${subject} ${problem}`);
  }
}

describe('webhooks', () => {
  const webhook = { MIRROR_WEBHOOK_URL: URL, MIRROR_WEBHOOK_SECRET: SECRET };

  test.each([
    [webhook, []],
    [{ MIRROR_WEBHOOK_URL: URL, MIRROR_WEBHOOK_FORMAT: 'slack' }, []],
    [
      { MIRROR_WEBHOOK_URL: URL },
      ['MIRROR_WEBHOOK_SECRET is not set, and receivers check the signature of webhooks.'],
    ],
    [
      { ...webhook, MIRROR_WEBHOOK_URL: 'http://example.com/TOKEN' },
      ['MIRROR_WEBHOOK_URL must start with https://.'],
    ],
    [
      {
        ...webhook,
        MIRROR_WEBHOOK_URL: 'http://10.0.0.1/TOKEN',
        MIRROR_WEBHOOK_ALLOW_PRIVATE: 'true',
      },
      [],
    ],
    [
      { ...webhook, MIRROR_WEBHOOK_URL: 'hooks.example.com/TOKEN' },
      ['MIRROR_WEBHOOK_URL must start with https:// or http://.'],
    ],
    [{ ...webhook, MIRROR_WEBHOOK_URL: 'https://' }, ['MIRROR_WEBHOOK_URL must be a valid URL.']],
    [
      { ...webhook, MIRROR_WEBHOOK_FORMAT: 'teams' },
      ['MIRROR_WEBHOOK_FORMAT must be a format of webhooks, not "teams".'],
    ],
  ])('%j', (env, expected) => {
    expect(problemsOf(env)).toEqual(expected);
  });

  test.each([
    ['TOKEN', 'must be whsec_ and a key in base64.'],
    ['whsec_TOKEN-with_other-characters', 'must be whsec_ and a key in base64.'],
    [SECRET.slice(0, -1), 'must be whsec_ and a key in base64.'],
    ['whsec_c2hvcnQ=', 'must have a key of 24 to 64 bytes.'],
    [`whsec_${Buffer.alloc(65).toString('base64')}`, 'must have a key of 24 to 64 bytes.'],
  ])('the secret %s', (secret, problem) => {
    expect(problemsOf({ MIRROR_WEBHOOK_SECRET: secret })).toEqual([
      `MIRROR_WEBHOOK_SECRET ${problem}`,
    ]);
  });
});

describe('pings', () => {
  const [A, B] = ['us-east-1_Aa1', 'us-east-1_Bb2'] as const;
  const shared = [
    'MIRROR_PING_URL is one check for several pools: a success of one would hide the failure of another.',
  ];

  test.each([
    ['https://hc-ping.com/TOKEN', A, []],
    ['https://hc-ping.com/TOKEN', `${A},${B}`, shared],
    ['https://hc-ping.com/TOKEN', 'all', shared],
    ['https://hc-ping.com/TOKEN/{pool}', 'all', []],
  ])('%s for %s', (url, pools, expected) => {
    expect(problemsOf({ MIRROR_PING_URL: url, COGNITO_POOLS: pools })).toEqual(expected);
  });

  test('settings of single pools count, and {pool} is the id in lower case', () => {
    const url = 'https://hc-ping.com/key/{pool}?create=1';
    const perPool = new Map([[A, { pingUrl: 'https://example.com/a' }]]);
    const env = { MIRROR_PING_URL: 'https://hc-ping.com/uuid', COGNITO_POOLS: `${A},${B}` };
    expect(loadConfig(env, {}, perPool).pingUrl).toBe('https://hc-ping.com/uuid');
    const config = loadConfig({ MIRROR_PING_URL: url });
    expect(resolvePoolSettings(config, A).pingUrl).toBe(
      'https://hc-ping.com/key/us-east-1_aa1?create=1',
    );
  });
});
