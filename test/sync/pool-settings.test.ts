import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { InterruptedError } from '../../src/model/errors.ts';
import { parseSnapshotId } from '../../src/model/snapshot.ts';
import { HashKey } from '../../src/privacy/hash-key.ts';
import { Secrets } from '../../src/privacy/secrets.ts';
import { releaseHeld } from '../../src/runner/held.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { SnapshotProgress } from '../../src/telemetry/snapshot-progress.ts';
import { NEVER } from '../archive/support.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { HASH_KEY, privacyOf } from '../support/privacy.ts';

const WEB = '1a2b3c4d5e6f7g8h9i0jklmnop';
const MOBILE = '2b3c4d5e6f7g8h9i0jklmnopqr';
const API = 'https://api.simulated.example.com';
const HASHED = /^hmac-sha256:[0-9a-f]{8}:[0-9a-f]{64}$/;

/** Secrets of the generated pool, and of the provider that the tests add. */
const SECRETS = [
  'simulated1secret2of3the4web5client6',
  'simulated-secret-of-google',
  'simulated-secret-of-facebook',
  'simulated-sms-external-id',
  'the-private-key-of-apple',
  'secret-in-a-url',
];

let mirror: TestMirror;
let poolId: string;
let secrets: Secrets;
beforeEach(async () => {
  mirror = await openTestMirror({ users: 40, groups: 2, seed: 71 });
  poolId = mirror.pool.settings.id;
  secrets = new Secrets(poolId, new HashKey(HASH_KEY));
  mirror.pool.configuration.providers.set('Apple', {
    ProviderName: 'Apple',
    ProviderType: 'SignInWithApple',
    ProviderDetails: { client_id: 'com.example', private_key: 'the-private-key-of-apple' },
  });
  mirror.pool.configuration.providers.set('Oidc', {
    ProviderName: 'Oidc',
    ProviderType: 'OIDC',
    ProviderDetails: { oidc_issuer: 'https://idp.example.com/?api_key=secret-in-a-url' },
  });
});
afterEach(() => mirror.close());

type SyncOptions = NonNullable<Parameters<TestMirror['sync']>[0]>;

async function sync(options: SyncOptions = {}) {
  const outcome = await mirror.sync({ secrets, ...options });
  expect(outcome.error).toBeNull();
  return outcome.report;
}

interface Row {
  readonly part: string;
  readonly settings: Record<string, unknown>;
  readonly valid_from: Date;
  readonly read_at: Date;
  readonly unread: string | null;
}

async function current(): Promise<Map<string, Row>> {
  const rows = await mirror.rows<Row>('SELECT * FROM directory.pool_settings ORDER BY part');
  return new Map(rows.map((row) => [row.part, row]));
}

const history = () =>
  mirror.rows<{ part: string; settings: Record<string, unknown> }>(
    'SELECT part, settings FROM directory.pool_setting_history ORDER BY part, valid_from',
  );

/** All rows of all tables of the mirror, the stage included, as one text. */
async function dumpDatabase(): Promise<string> {
  const tables = await mirror.rows<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class AS c
     WHERE c.relkind = 'r' AND c.relnamespace IN ('directory'::regnamespace, 'mirror'::regnamespace)`,
  );
  const texts = await Promise.all(
    tables.map(({ name }) =>
      mirror.rows<{ text: string | null }>(
        `SELECT string_agg(t::text, ' ') AS text FROM ${name} t`,
      ),
    ),
  );
  return texts.map((rows) => rows[0]?.text ?? '').join('\n');
}

const calls = (operation: string) => mirror.simulator.attempts.entries({ operation }).length;

it('keeps every part of the settings, with hashes for secrets', async () => {
  const { settings, settingsUnread } = await sync();
  const rows = await current();
  expect([...rows.keys()]).toEqual([
    `client/${WEB}`,
    `client/${MOBILE}`,
    'domain/simulated-simulated',
    'mfa',
    'password_policy',
    'pool',
    'provider/Apple',
    'provider/Facebook',
    'provider/Google',
    'provider/Oidc',
    'provider/SAML',
    `resource_server/${API}`,
    'schema',
    'tags',
    'triggers',
    'ui/ALL',
  ]);
  expect(settings).toBe(rows.size);
  expect(settingsUnread).toBeNull();
  const of = (part: string) => rows.get(part)?.settings;
  expect(of('pool')).toMatchObject({
    Id: poolId,
    UserPoolTier: 'ESSENTIALS',
    SmsConfiguration: { ExternalId: expect.stringMatching(HASHED), SnsRegion: 'us-east-1' },
  });
  expect(of('pool')).not.toHaveProperty('EstimatedNumberOfUsers');
  expect(of('password_policy')).toMatchObject({ MinimumLength: 8 });
  expect(of('schema')).toMatchObject({
    SchemaAttributes: expect.arrayContaining([expect.objectContaining({ Name: 'email' })]),
  });
  expect(of('mfa')).toMatchObject({ MfaConfiguration: 'OPTIONAL' });
  expect(of('tags')).toEqual({ team: 'identity' });
  expect(of(`client/${WEB}`)).toMatchObject({
    ClientName: 'web',
    ClientSecret: expect.stringMatching(HASHED),
    CreationDate: expect.stringMatching(/^\d{4}-.*Z$/),
    ExplicitAuthFlows: ['ALLOW_REFRESH_TOKEN_AUTH', 'ALLOW_USER_SRP_AUTH'],
  });
  expect(of(`client/${MOBILE}`)).not.toHaveProperty('ClientSecret');
  expect(of('provider/Apple')).toMatchObject({
    ProviderDetails: { client_id: 'com.example', private_key: expect.stringMatching(HASHED) },
  });
  expect(of('provider/SAML')).toMatchObject({
    ProviderDetails: { MetadataURL: 'https://idp.simulated.example.com/metadata' },
  });
  expect(of('domain/simulated-simulated')).toMatchObject({ Status: 'ACTIVE' });
});

it('never stages, publishes or logs a secret', async () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'trace', destination: { write: (line) => lines.push(line) } });
  const stop = new AbortController();
  mirror.proxy.before = ({ operation }) => {
    if (operation === 'GetUICustomization') stop.abort(new InterruptedError('Stopped.'));
  };
  const stopped = await mirror.sync({ secrets, log, signal: stop.signal });
  expect(stopped.outcome).toBe('interrupted');
  const staged = await dumpDatabase();
  expect(staged).toContain('hmac-sha256:');
  mirror.proxy.before = () => {};
  await sync({ log });
  const all = [staged, await dumpDatabase(), lines.join('\n')].join('\n');
  for (const secret of SECRETS) expect(all).not.toContain(secret);
});

it('gives a new version to what changed, and to nothing else', async () => {
  const first = await current();
  await sync();
  const { clients, providers } = mirror.pool.configuration;
  const web = clients.get(WEB) as Record<string, unknown>;
  // Nothing changes: another order, a date, and more users.
  web['ExplicitAuthFlows'] = (web['ExplicitAuthFlows'] as string[]).toReversed();
  web['LastModifiedDate'] = 1_795_000_000;
  mirror.pool.createUser({ username: 'new' });
  await sync();
  expect(first.size).toBe(0);
  expect(await history()).toEqual([]);
  const before = await current();
  expect(before.get(`client/${WEB}`)?.read_at).not.toEqual(before.get(`client/${WEB}`)?.valid_from);

  web['ClientSecret'] = 'another-secret';
  clients.delete(MOBILE);
  providers.set('New', { ProviderName: 'New', ProviderType: 'OIDC', ProviderDetails: {} });
  await sync();
  const after = await current();
  expect(after.has(`client/${MOBILE}`)).toBe(false);
  expect(after.has('provider/New')).toBe(true);
  expect((await history()).map(({ part }) => part)).toEqual([`client/${WEB}`, `client/${MOBILE}`]);
  const secretOf = (row: Pick<Row, 'settings'> | undefined) => row?.settings['ClientSecret'];
  expect(secretOf(after.get(`client/${WEB}`))).not.toBe(secretOf(before.get(`client/${WEB}`)));
  const changed = [...after.values()].filter(
    ({ part, valid_from }) => valid_from.getTime() !== before.get(part)?.valid_from.getTime(),
  );
  expect(changed.map(({ part }) => part)).toEqual([`client/${WEB}`, 'provider/New']);
});

describe('without a permission', () => {
  const denied = 'The credentials may not call cognito-idp:DescribeUserPoolClient.';

  it('a part is left out, and its last version stays, marked as not read', async () => {
    await sync();
    const before = await current();
    const lines: string[] = [];
    const log = createLogger({ level: 'warn', destination: { write: (line) => lines.push(line) } });
    mirror.simulator.denied.set('DescribeUserPoolClient', 'AccessDeniedException');
    (mirror.pool.configuration.clients.get(WEB) as Record<string, unknown>)['ClientName'] = 'new';
    mirror.simulator.attempts.clear();
    const { settings, settingsUnread, state } = await sync({ log });
    expect(state).toBe('archived');
    expect(settings).toBe(before.size);
    expect(settingsUnread).toEqual({ [`client/${WEB}`]: denied, [`client/${MOBILE}`]: denied });
    expect(lines.filter((line) => line.includes('could not be read'))).toHaveLength(1);
    const after = await current();
    expect(after.get(`client/${WEB}`)).toEqual({ ...before.get(`client/${WEB}`), unread: denied });
    expect(after.get('pool')?.unread).toBeNull();
    expect(await history()).toEqual([]);

    mirror.simulator.denied.clear();
    expect(await sync()).toMatchObject({ settingsUnread: null });
    const read = (await current()).get(`client/${WEB}`);
    expect(read).toMatchObject({ unread: null, settings: { ClientName: 'new' } });
  });

  it.each([
    ['ListUserPoolClients', 'client/'],
    ['ListIdentityProviders', 'provider/'],
    ['ListResourceServers', 'resource_server/'],
    ['DescribeUserPoolDomain', 'domain/'],
    ['GetUICustomization', 'ui/'],
    ['GetUserPoolMfaConfig', 'mfa'],
    ['ListTagsForResource', 'tags'],
  ] as const)('%s: no part counts as removed', async (operation, kind) => {
    await sync();
    const before = await current();
    mirror.simulator.denied.set(operation, 'AccessDeniedException');
    const { settingsUnread } = await sync();
    expect(Object.values(settingsUnread ?? {})).toContain(
      `The credentials may not call cognito-idp:${operation}.`,
    );
    const after = await current();
    expect([...after.keys()]).toEqual([...before.keys()]);
    const unread = [...after.values()].filter((row) => row.unread !== null);
    expect(unread.length).toBeGreaterThan(0);
    for (const { part } of unread) expect(part.startsWith(kind)).toBe(true);
    expect(await history()).toEqual([]);
  });

  it('a part that was never read is not there', async () => {
    mirror.simulator.denied.set('ListIdentityProviders', 'AccessDeniedException');
    const { settingsUnread } = await sync();
    expect(settingsUnread).toEqual({
      'provider/': 'The credentials may not call cognito-idp:ListIdentityProviders.',
    });
    expect([...(await current()).keys()].filter((part) => part.startsWith('provider/'))).toEqual(
      [],
    );
  });
});

it('a run that was stopped goes on with what it had not read', async () => {
  const stop = new AbortController();
  mirror.proxy.before = ({ operation }) => {
    if (operation === 'DescribeIdentityProvider') stop.abort(new InterruptedError('Stopped.'));
  };
  await mirror.sync({ secrets, signal: stop.signal });
  mirror.proxy.before = () => {};
  const earlier = { clients: calls('DescribeUserPoolClient'), lists: calls('ListUserPoolClients') };
  expect(earlier).toEqual({ clients: 2, lists: 1 });
  await sync();
  expect(calls('DescribeUserPoolClient')).toBe(2);
  expect(calls('ListUserPoolClients')).toBe(1);
  expect((await current()).size).toBe(16);
});

it('throttling is survived, and a service that fails costs no snapshot', async () => {
  mirror.simulator.faults.set({
    throttle: { rate: 0.4, operations: ['DescribeUserPoolClient', 'DescribeIdentityProvider'] },
  });
  expect(await sync()).toMatchObject({ settings: 16, settingsUnread: null });
  mirror.simulator.faults.set({
    'internal-error': { rate: 1, operations: ['DescribeIdentityProvider'] },
  });
  const retryPolicy = {
    attemptMs: 60_000,
    faults: 1,
    faultBaseMs: 1,
    faultCapMs: 1,
    throttledForMs: 60_000,
    throttledBaseMs: 1,
    throttledCapMs: 1,
  };
  const { state, settingsUnread } = await sync({ retryPolicy });
  expect(state).toBe('archived');
  expect(settingsUnread?.['provider/Google']).toContain('the service kept failing');
  expect((await current()).size).toBe(16);
});

it('without the option, nothing is read, and what is there stays', async () => {
  const plain = await mirror.sync();
  expect(plain.report).toMatchObject({ settings: null, settingsUnread: null });
  expect(calls('ListUserPoolClients')).toBe(0);
  await sync();
  const before = await current();
  expect((await mirror.sync()).report.settings).toBeNull();
  expect(await current()).toEqual(before);
});

it('a held snapshot publishes the settings that it read when it is released', async () => {
  await sync();
  for (const user of [...mirror.pool.users()]) mirror.pool.deleteUser(user.username);
  mirror.pool.configuration.tags.set('team', 'another');
  const { report } = await mirror.sync({ secrets, maxRemoved: 0 });
  expect(report.state).toBe('held');
  expect((await current()).get('tags')?.settings).toEqual({ team: 'identity' });
  const context = {
    db: mirror.db,
    destination: await openDestination(pathToFileURL(mirror.archive).href),
    formats: ['jsonl'] as const,
    lock: null,
    signer: null,
    program: 'cognito-mirror/test',
    workFolder: mirror.work,
    privacy: privacyOf(poolId),
    progress: new SnapshotProgress(poolId),
    log: createLogger({ level: 'silent' }),
  };
  const snapshotAt = parseSnapshotId(report.snapshot as string) as Date;
  const rest = { historyDays: null, keep: null };
  const released = await releaseHeld(context, { poolId, snapshotAt }, rest, NEVER);
  expect(released).toMatchObject({ state: 'archived', settings: 16 });
  const folder = join(
    mirror.archive,
    `jsonl/settings/pool_id=${poolId}/snapshot=${report.snapshot}`,
  );
  const archived = gunzipSync(readFileSync(join(folder, 'part-00000.jsonl.gz'))).toString();
  expect(archived.trimEnd().split('\n')).toHaveLength(16);
  expect(archived).toMatch(/^{"part":"tags","settings":{"team": ?"another"},"unread":null}$/m);
  expect((await current()).get('tags')?.settings).toEqual({ team: 'another' });
});
