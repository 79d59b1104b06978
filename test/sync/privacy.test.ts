import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { createMirror, openArchive, verifyArchives } from '../../src/index.ts';
import { InterruptedError, ResumableError } from '../../src/model/errors.ts';
import { parseSnapshotId } from '../../src/model/snapshot.ts';
import { HashKey } from '../../src/privacy/hash-key.ts';
import type { PoolPrivacy } from '../../src/privacy/pool-privacy.ts';
import { releaseHeld } from '../../src/runner/held.ts';
import type { UserRecord } from '../../src/simulator/records.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { SnapshotProgress } from '../../src/telemetry/snapshot-progress.ts';
import { wrap } from '../archive/destinations.ts';
import { NEVER, readJsonLines, readParquet } from '../archive/support.ts';
import { filesBelow } from '../support/cli-mirror.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { HASH_KEY, NO_RULES, privacyOf } from '../support/privacy.ts';

const FORMATS = ['parquet', 'jsonl', 'csv'] as const;
const key = new HashKey(HASH_KEY);

let mirror: TestMirror;
let poolId: string;
let ana: UserRecord;
let privacy: PoolPrivacy;
beforeEach(async () => {
  mirror = await openTestMirror({ users: 60, groups: 4, seed: 51, usernames: 'sub' });
  poolId = mirror.pool.settings.id;
  ana = mirror.pool.createUser({
    username: 'ana',
    attributes: { email: 'Ana.Marker@Example.com', phone_number: '+41790000001', name: 'Ana' },
  });
  privacy = privacyOf(poolId, {
    database: { omit: ['phone_number'], hash: ['email'] },
    archive: { omit: ['given_name'], hash: ['name'] },
  });
});
afterEach(() => mirror.close());

const hashOf = (name: string, value: string) => key.hash(poolId, name, value);
const sync = (options: Parameters<TestMirror['sync']>[0] = {}) =>
  mirror.sync({ formats: FORMATS, privacy, ...options });

async function snapshotOf(outcome: Awaited<ReturnType<typeof sync>>): Promise<string> {
  expect(outcome.error).toBeNull();
  return outcome.report.snapshot as string;
}

/** Every value of these attributes in the pool, in lower case. */
function valuesOf(...names: string[]): string[] {
  const users = [...mirror.pool.users()];
  return names.flatMap((name) =>
    users.flatMap(({ attributes }) => attributes.get(name)?.toLowerCase() ?? []),
  );
}

/** All rows of all tables of the mirror, the stage included, as one text in lower case. */
async function dumpDatabase(): Promise<string> {
  const tables = await mirror.rows<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class AS c
     WHERE c.relkind = 'r' AND c.relnamespace IN ('directory'::regnamespace, 'mirror'::regnamespace)`,
  );
  expect(tables.length).toBeGreaterThan(15);
  const texts = await Promise.all(
    tables.map(({ name }) =>
      mirror.rows<{ text: string | null }>(
        `SELECT string_agg(t::text, ' ') AS text FROM ${name} AS t`,
      ),
    ),
  );
  return texts
    .flatMap((rows) => rows[0]?.text ?? [])
    .join('\n')
    .toLowerCase();
}

/** All rows of the archive of a snapshot in every format, as one text in lower case. */
async function dumpArchive(snapshot: string): Promise<string> {
  const files = (await filesBelow(mirror.archive)).filter((path) => path.includes(snapshot));
  const texts = files.map(async (path) => {
    const whole = join(mirror.archive, path);
    if (path.endsWith('.parquet')) return JSON.stringify(await readParquet(whole));
    const bytes = await readFile(whole);
    return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  });
  return (await Promise.all(texts)).join('\n').toLowerCase();
}

function found(text: string, values: readonly string[]): string[] {
  return values.filter((value) => text.includes(value));
}

const partOf = (dataset: string, snapshot: string) =>
  join(
    mirror.archive,
    `jsonl/${dataset}/pool_id=${poolId}/snapshot=${snapshot}/part-00000.jsonl.gz`,
  );

async function manifestOf(snapshot: string): Promise<Record<string, unknown>> {
  const path = join(mirror.archive, `manifests/pool_id=${poolId}/${snapshot}.json`);
  return JSON.parse(await readFile(path, 'utf8'));
}

async function hasChanges(snapshot: string): Promise<boolean> {
  const { objects } = (await manifestOf(snapshot)) as { objects: { dataset: string }[] };
  return objects.some(({ dataset }) => dataset === 'changes');
}

async function expectVerified(): Promise<void> {
  const verified = await verifyArchives(
    { pools: [poolId] },
    { archiveUrl: pathToFileURL(mirror.archive).href },
  );
  expect(verified.pools.flatMap(({ findings }) => findings)).toEqual([]);
}

describe('the rules of Postgres and of the archive', () => {
  it('hold in every table, in every format and in the changes', async () => {
    const hidden = valuesOf('email', 'phone_number');
    const names = valuesOf('name').filter((name) => name.includes(' '));
    expect(hidden.length).toBeGreaterThan(60);
    const first = await snapshotOf(await sync());
    expect(
      await mirror.rows(
        `SELECT attributes, email, phone_number, name FROM directory.users WHERE username = 'ana'`,
      ),
    ).toEqual([
      {
        attributes: {
          sub: ana.attributes.get('sub'),
          email: hashOf('email', 'ana.marker@example.com'),
          name: 'Ana',
        },
        email: hashOf('email', 'ana.marker@example.com'),
        phone_number: null,
        name: 'Ana',
      },
    ]);
    const rows = await dumpDatabase();
    expect(found(rows, hidden)).toEqual([]);
    expect(found(rows, names)).toEqual(names);

    mirror.pool.updateAttributes('ana', {
      email: 'ANA.MARKER@EXAMPLE.COM',
      phone_number: '+41790000002',
    });
    mirror.pool.updateAttributes('ana', { name: 'Anna' });
    const second = await snapshotOf(await sync());
    for (const snapshot of [first, second]) {
      expect(found(await dumpArchive(snapshot), [...hidden, ...names])).toEqual([]);
      expect(await manifestOf(snapshot)).toMatchObject({
        privacy: {
          omitted: ['given_name', 'phone_number'],
          hashed: { email: key.id, name: key.id },
        },
      });
    }
    expect(readJsonLines(partOf('changes', second))).toMatchObject([
      {
        username: 'ana',
        changed: ['modified_at', 'name'],
        before: { name: hashOf('name', 'Ana'), phone_number: null },
        after: { name: hashOf('name', 'Anna'), email: hashOf('email', 'ana.marker@example.com') },
      },
    ]);
    await expectVerified();
  });

  it('hold in the stage of a snapshot that is being read, or held', async () => {
    await sync();
    const hidden = valuesOf('email', 'phone_number');
    for (const { username } of [...mirror.pool.users()].slice(0, 30))
      mirror.pool.deleteUser(username);
    for (const { username } of mirror.pool.users())
      mirror.pool.updateAttributes(username, { locale: 'de' });
    const { report } = await sync({ maxRemoved: 0.1 });
    expect(report.state).toBe('held');
    const dump = await dumpDatabase();
    expect(found(dump, ['""locale"": ""de""'])).toHaveLength(1);
    expect(found(dump, hidden)).toEqual([]);
  });

  it('leave the names of users, who are found by their e-mail address all the same', async () => {
    const snapshot = await snapshotOf(await sync());
    const archiveUrl = pathToFileURL(mirror.archive).href;
    const options = {
      databaseUrl: mirror.databaseUrl,
      hashKey: HASH_KEY,
      logger: 'silent' as const,
    };
    const opened = await createMirror(options);
    const archive = await openArchive(archiveUrl, options);
    try {
      for (const source of [opened, archive]) {
        const { users } = await source.history(poolId, 'ana.marker@EXAMPLE.com');
        expect(users.map(({ username }) => username)).toEqual(['ana']);
        expect(users[0]?.versions[0]?.fields['email']).toBe(
          hashOf('email', 'ana.marker@example.com'),
        );
        const access = await source.accessOfUser(poolId, 'Ana.Marker@example.com');
        expect(access).toMatchObject({ snapshot, users: [{ username: 'ana' }] });
      }
    } finally {
      await opened.close();
    }
    const blind = await createMirror({ databaseUrl: mirror.databaseUrl, logger: 'silent' });
    const remedy = `set MIRROR_HASH_KEY to the key with the id ${key.id}`;
    await expect(blind.history(poolId, 'ana.marker@example.com')).rejects.toThrow(remedy);
    await expect(
      (await openArchive(archiveUrl)).history(poolId, 'ana.marker@example.com'),
    ).rejects.toThrow(remedy);
    await blind.close();
  });
});

describe('a rule that changes', () => {
  const plain = () => privacyOf(poolId);

  it('rewrites once the users that it concerns, and none in an unchanged night', async () => {
    const concerned = [...mirror.pool.users()].filter(
      ({ attributes }) => attributes.has('email') || attributes.has('phone_number'),
    );
    const first = await snapshotOf(await sync({ privacy: plain() }));
    const second = await sync();
    expect(second.report).toMatchObject({ modified: concerned.length, added: 0, removed: 0 });
    const third = await sync();
    expect(third.report).toMatchObject({ modified: 0, added: 0, removed: 0 });

    expect((await manifestOf(first))['privacy']).toBeUndefined();
    // No changes lead from rows in the clear to rows that are hidden.
    expect(await hasChanges(await snapshotOf(second))).toBe(false);
    expect(found(await dumpArchive(await snapshotOf(second)), valuesOf('email'))).toEqual([]);
    expect(readJsonLines(partOf('changes', await snapshotOf(third)))).toEqual([]);
    await expectVerified();
    // What was published before stays in the history, until a person removes it.
    const old = await mirror.rows(
      "SELECT email FROM directory.user_history WHERE username = 'ana'",
    );
    expect(old).toEqual([{ email: 'Ana.Marker@Example.com' }]);
  });

  it('of the archive alone changes no row of Postgres', async () => {
    await sync({ privacy: plain() });
    const archive = { omit: [], hash: ['email'] };
    const outcome = await sync({ privacy: privacyOf(poolId, { archive }) });
    expect(outcome.report).toMatchObject({ modified: 0 });
    const snapshot = await snapshotOf(outcome);
    expect(await hasChanges(snapshot)).toBe(false);
    expect(found(await dumpArchive(snapshot), valuesOf('email'))).toEqual([]);
  });

  it('by its key alone is a change of every hash', async () => {
    await sync();
    const rules = { omit: ['phone_number'], hash: ['email'] };
    const other = new HashKey(`${HASH_KEY}, the next`);
    const { report } = await sync({ privacy: privacyOf(poolId, { database: rules }, other) });
    const withEmail = [...mirror.pool.users()].filter(({ attributes }) => attributes.has('email'));
    expect(report.modified).toBe(withEmail.length);
  });

  it('before a published snapshot is archived holds in its archive', async () => {
    const folder = await openDestination(pathToFileURL(mirror.archive).href);
    const refusing = wrap(folder, { put: () => Promise.reject(new ResumableError('no network')) });
    const failed = await sync({ privacy: plain(), destination: refusing });
    expect(failed.report.state).toBe('published');
    const finished = await snapshotOf(await sync());
    expect(finished).toBe(failed.report.snapshot);
    expect(found(await dumpArchive(finished), valuesOf('email', 'phone_number'))).toEqual([]);
    expect(await manifestOf(finished)).toMatchObject({ privacy: { hashed: { email: key.id } } });
    // Postgres still has what it published: the next snapshot hides it.
    expect(found(await dumpDatabase(), [valuesOf('email')[0] as string])).toHaveLength(1);
    await sync();
    const users = await mirror.rows<{ text: string }>(
      'SELECT string_agg(u::text, $1) AS text FROM directory.users AS u',
      [''],
    );
    expect(found((users[0]?.text ?? '').toLowerCase(), valuesOf('email', 'phone_number'))).toEqual(
      [],
    );
    await expectVerified();
  });

  it('while a snapshot is read ends that snapshot, and its stage', async () => {
    const controller = new AbortController();
    mirror.proxy.before = ({ operation }) => {
      if (operation === 'ListUsersInGroup') controller.abort(new InterruptedError());
    };
    await sync({ privacy: plain(), signal: controller.signal });
    mirror.proxy.before = () => {};
    expect((await sync()).error).toBeNull();
    expect(
      await mirror.rows('SELECT state, reason FROM directory.snapshots ORDER BY snapshot_at'),
    ).toEqual([
      { state: 'failed', reason: 'The privacy rules changed while it was read.' },
      { state: 'archived', reason: null },
    ]);
    expect(found(await dumpDatabase(), valuesOf('email', 'phone_number'))).toEqual([]);
  });

  it('after a snapshot was held forbids its release', async () => {
    await sync({ privacy: plain() });
    for (const { username } of [...mirror.pool.users()].slice(0, 30))
      mirror.pool.deleteUser(username);
    const { report } = await sync({ privacy: plain(), maxRemoved: 0.1 });
    expect(report.state).toBe('held');
    const snapshotAt = parseSnapshotId(report.snapshot as string) as Date;
    const context = {
      db: mirror.db,
      destination: await openDestination(pathToFileURL(mirror.archive).href),
      formats: FORMATS,
      lock: null,
      privacy,
      signer: null,
      program: 'cognito-mirror/test',
      workFolder: mirror.work,
      progress: new SnapshotProgress(poolId),
      log: createLogger({ level: 'silent' }),
    };
    const retention = { historyDays: null, keep: null };
    await expect(releaseHeld(context, { poolId, snapshotAt }, retention, NEVER)).rejects.toThrow(
      /was read with other privacy rules/,
    );
    expect((await sync()).report.state).toBe('archived');
  });
});

it('a user whom no listing shows, and who stays, is hidden too', async () => {
  mirror.pool.createGroup('staff');
  mirror.pool.addToGroup('ana', 'staff');
  await sync({ privacy: privacyOf(poolId) });
  mirror.pool.deleteUser('ana');
  // The service refuses to look the user up, so it is unknown that it is gone.
  mirror.proxy.before = ({ operation, request }) => {
    const refuses = operation === 'AdminGetUser' || String(request['Filter']).startsWith('sub =');
    return refuses ? { __type: 'InvalidParameterException', message: 'failed' } : undefined;
  };
  const database = { ...NO_RULES, hash: ['email'] };
  const { report } = await sync({ privacy: privacyOf(poolId, { database }) });
  expect(report).toMatchObject({ state: 'archived', removed: 0, users: 61 });
  expect(await mirror.rows("SELECT email FROM directory.users WHERE username = 'ana'")).toEqual([
    { email: hashOf('email', 'ana.marker@example.com') },
  ]);
  const memberships = "SELECT FROM directory.memberships WHERE username = 'ana'";
  expect(await mirror.rows(memberships)).toHaveLength(1);
  const again = await sync({ privacy: privacyOf(poolId, { database }) });
  expect(again.report).toMatchObject({ modified: 0, removed: 0, users: 61 });
});
