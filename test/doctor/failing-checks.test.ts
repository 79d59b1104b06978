import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MirrorOptions } from '../../src/app/options.ts';
import { toAccess, toConfig } from '../../src/app/to-config.ts';
import type { CheckResult } from '../../src/doctor/check.ts';
import { CHECKS } from '../../src/doctor/checks.ts';
import { openSurroundings, type Surroundings } from '../../src/doctor/surroundings.ts';
import { createSigningKey } from '../../src/index.ts';
import { saveSchedules } from '../../src/postgres/coordination/schedules.ts';
import { saveAttempt } from '../../src/postgres/store/pool-status.ts';
import { recordListed } from '../../src/postgres/store/pools.ts';
import { loadKeyFile } from '../../src/signature/key-file.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { moveToPast } from '../support/past.ts';
import { startRedis } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temp.ts';

/** Nothing listens there. */
const CLOSED = '127.0.0.1:1';
const SECRET = 'sesame-1111-which-is-long-enough';
const POOL = 'us-east-1_Doctor';

type Facts = { readonly [Name in keyof Surroundings]?: unknown };

/** Makes one check. It finds at least one thing. */
async function check(id: string, surroundings: unknown, subject = ''): Promise<CheckResult> {
  const definition = CHECKS.find((each) => each.id === id) ?? expect.fail(`no check ${id}`);
  const signal = new AbortController().signal;
  const results = await definition.examine(surroundings as Surroundings, signal, subject);
  const wrong = results.filter(({ state }) => state !== 'ok');
  return wrong[0] ?? results[0] ?? expect.fail(`nothing to check for ${id}`);
}

const config = (options: MirrorOptions) => toConfig({ databaseUrl: null, ...options });
const http = (host: string) => ({
  config: { http: { host, token: SECRET } },
  context: { env: {} },
  isUsable: () => true,
});
const webhook = (webhookUrl: string, webhookAllowPrivate: boolean): Facts => ({
  config: config({ webhookUrl, webhookSecret: null, webhookFormat: 'slack', webhookAllowPrivate }),
  context: { access: {} },
  mirror: async () => null,
});
const redisInfo = (info: string): Facts => ({
  redis: async () => ({ client: { info: async () => info } }),
});
const described = (deletionProtection: boolean): Facts => ({
  settingsOf: () => ({ region: 'us-east-1', role: null }),
  describe: async () => ({
    accountId: '000000000000',
    tier: null,
    estimatedUsers: 1,
    deletionProtection,
  }),
  identity: async () => null,
});
const pinged: Facts = {
  settingsOf: () => ({ pingUrl: `http://${CLOSED}/${SECRET}` }),
  context: { access: {} },
};

test.each<[string, string, Facts, string, string, RegExp]>([
  ['http', '', http('127.0.0.1'), 'ok', 'on this machine only', /^$/],
  ['http', '', http('0.0.0.0'), 'warning', 'its token can be read', /proxy with TLS/],
  ['pings', POOL, pinged, 'failed', `${CLOSED} cannot be reached`, /MIRROR_PING_URL/],
  [
    'webhooks',
    '',
    webhook(`https://${CLOSED}/${SECRET}`, false),
    'failed',
    'has a private address',
    /MIRROR_WEBHOOK_ALLOW_PRIVATE=true/,
  ],
  [
    'webhooks',
    '',
    webhook(`https://${CLOSED}/${SECRET}`, true),
    'failed',
    'cannot be reached (ECONNREFUSED)',
    /MIRROR_WEBHOOK_URL/,
  ],
  ['redis-persistence', '', redisInfo('rdb_last_bgsave_status:ok\r\n'), 'ok', 'No write', /^$/],
  [
    'redis-persistence',
    '',
    redisInfo('rdb_last_bgsave_status:ok\r\naof_last_write_status:err\r\n'),
    'warning',
    '(aof_last_write_status)',
    /INFO persistence/,
  ],
  ['pool', POOL, described(true), 'ok', 'account 000000000000', /^$/],
  ['pool', POOL, described(false), 'warning', 'Deletion protection is off', /Turn it on/],
])(
  '%s %s is judged by what is found (case %#)',
  async (id, subject, facts, state, detail, remedy) => {
    const result = await check(id, facts, subject);
    expect(result).toMatchObject({ state, detail: expect.stringContaining(detail) });
    expect(result.remedy ?? '').toMatch(remedy);
    expect(JSON.stringify(result)).not.toContain(SECRET);
  },
);

test('redis-rights names the command that the user may not run', async () => {
  const redis = await startRedis();
  const surroundings = openSurroundings(contextOf({ redisUrl: redis.url }));
  try {
    expect((await check('redis-rights', surroundings)).state).toBe('ok');
    await redis.command('ACL', 'SETUSER', 'default', '-zadd');
    await expect(check('redis-rights', surroundings)).rejects.toThrow(/ACL SETUSER default .*zadd/);
  } finally {
    await surroundings.close();
    await redis.close();
  }
});

describe('of a mirror', () => {
  let mirror: TestMirror;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let poolId: string;
  let surroundings: Surroundings;

  beforeAll(async () => {
    [mirror, folder] = await Promise.all([
      openTestMirror({ users: 4, groups: 1 }),
      temporaryFolder(),
    ]);
    poolId = mirror.pool.settings.id;
    await mirror.sync({ signer: await loadKeyFile(await writeKey('own')) });
    surroundings = open();
  });
  afterAll(async () => {
    await surroundings.close();
    await mirror.close();
    await folder.remove();
  });
  beforeEach(() => attempt('archived', null));

  /** Writes a new signing key. */
  async function writeKey(name: string): Promise<string> {
    const path = join(folder.path, name);
    await writeFile(path, createSigningKey().file, { mode: 0o600 });
    return path;
  }
  const open = (options: MirrorOptions = {}) =>
    openSurroundings(
      contextOf({
        databaseUrl: mirror.databaseUrl,
        pools: [poolId],
        archiveUrl: pathToFileURL(mirror.archive).href,
        ...options,
      }),
    );
  const attempt = (outcome: 'archived' | 'failed' | 'held', reason: string | null) =>
    saveAttempt(mirror.db, poolId, { outcome, snapshot: null, reason });
  const last = () => check('last-snapshot', surroundings, poolId);

  test('postgres-connections warns where few are left', async () => {
    const name = new URL(mirror.databaseUrl).pathname.slice(1);
    await mirror.rows(`ALTER DATABASE ${name} CONNECTION LIMIT 14`);
    expect(await check('postgres-connections', surroundings)).toMatchObject({
      state: 'warning',
      detail: expect.stringContaining('A worker uses up to 15'),
      remedy: expect.stringContaining('raise the limit of the database'),
    });
  });

  test('webhooks warns of those that wait', async () => {
    const slack = { webhookFormat: 'slack', webhookAllowPrivate: true } as const;
    const waiting = open({ webhookUrl: mirror.simulator.url, ...slack });
    expect(await check('webhooks', waiting)).toMatchObject({
      state: 'warning',
      detail: expect.stringMatching(/^\d+ webhooks? could not be delivered yet\.$/),
    });
    await waiting.close();
  });

  test('signing-key warns where the newest manifest has another key', async () => {
    const other = open({ archiveSigningKey: await writeKey('other') });
    expect(await check('signing-key', other)).toMatchObject({
      state: 'warning',
      detail: expect.stringMatching(/newest manifest of \S+ is signed with another key \(SHA256:/),
    });
    await other.close();
    const own = open({ archiveSigningKey: join(folder.path, 'own') });
    expect((await check('signing-key', own)).state).toBe('ok');
    await own.close();
  });

  test('last-snapshot fails with the reason of the last run', async () => {
    expect((await last()).state).toBe('ok');
    await attempt('failed', 'The service kept throttling.');
    expect(await last()).toMatchObject({
      state: 'failed',
      detail: 'Its last run failed: The service kept throttling.',
      remedy: expect.stringContaining(`sync ${poolId}`),
    });
  });

  test.each<[string, () => Promise<unknown>, RegExp, RegExp]>([
    ['is held', () => attempt('held', 'Many users are missing.'), /held for review/, /diff/],
    [
      'has no archive',
      () => mirror.rows("UPDATE directory.snapshots SET state = 'published', manifest = NULL"),
      /has no archive yet/,
      /sync/,
    ],
    [
      'is older than the schedule allows',
      async () => {
        await moveToPast(mirror.db, '3 days');
        await saveSchedules(mirror.db, [{ poolId, pattern: '0 2 * * *', timezone: 'UTC' }]);
      },
      /3 d.* old, and a run was due more than two hours ago/,
      /status/,
    ],
    [
      'is of a pool that is no longer listed',
      async () => {
        await recordListed(mirror.db, [poolId]);
        await mirror.rows('UPDATE mirror.pools SET vanished_at = now()');
      },
      /no longer lists the pool/,
      /retire/,
    ],
  ])('last-snapshot warns where it %s', async (_, change, detail, remedy) => {
    await change();
    expect(await last()).toMatchObject({
      state: 'warning',
      detail: expect.stringMatching(detail),
      remedy: expect.stringMatching(remedy),
    });
  });
});

function contextOf(options: MirrorOptions) {
  const facts = { problems: [], unusable: new Set<string>(), traces: false, env: {} };
  return { ...facts, config: config(options), access: toAccess(options) };
}
