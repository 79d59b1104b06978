import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RETRY_POLICY } from '../../src/cognito/call.ts';
import { createMirror } from '../../src/index.ts';
import { InterruptedError } from '../../src/model/errors.ts';
import { transaction } from '../../src/postgres/connection.ts';
import { erasePersons } from '../../src/postgres/store/erase-persons.ts';
import { lastSnapshot } from '../../src/postgres/store/last-snapshot.ts';
import type { UserRecord } from '../../src/simulator/records.ts';
import { readJsonLines } from '../archive/support.ts';
import { openTestMirror, type SyncOptions, type TestMirror } from '../support/mirror.ts';

const USERS = 24;
const ALL = 100;
const HASTY = { ...RETRY_POLICY, faults: 1, faultBaseMs: 1, throttledForMs: 200 };

let mirror: TestMirror;
/** The names that AdminGetUser was asked for, attempt by attempt. */
let asked: string[];

beforeEach(async () => {
  mirror = await openTestMirror({ users: USERS, groups: 2, seed: 11 });
  asked = [];
  mirror.proxy.before = record;
});
afterEach(() => mirror.close());

const record = ({ operation, request }: { operation: string; request: object }) => {
  if (operation === 'AdminGetUser') asked.push((request as { Username: string }).Username);
};

/** Takes a snapshot, and returns the names that it asked for. */
async function night(options: SyncOptions = {}): Promise<string[]> {
  asked = [];
  const { report, error } = await mirror.sync(options);
  expect(error).toBeNull();
  expect(report.state).toBe('archived');
  return asked;
}

interface MfaRow {
  readonly username: string;
  readonly mfa_settings: string[] | null;
  readonly preferred_mfa: string | null;
  readonly mfa_read_at: Date | null;
}

async function states(): Promise<Map<string, MfaRow>> {
  const rows = await mirror.rows<MfaRow>(
    'SELECT username, mfa_settings, preferred_mfa, mfa_read_at FROM directory.users ORDER BY 1',
  );
  return new Map(rows.map((row) => [row.username, row]));
}

/** The state that the service has of a user, as it is stored. */
const stateOf = ({ mfaSettings, preferredMfa }: UserRecord) => ({
  mfa_settings: [...mfaSettings].sort(),
  preferred_mfa: preferredMfa,
  mfa_read_at: expect.any(Date),
});
const UNKNOWN = { mfa_settings: null, preferred_mfa: null, mfa_read_at: null };

const knownOf = async () =>
  (
    await mirror.rows<{ mfa_known: number | null }>(
      'SELECT mfa_known FROM directory.snapshots ORDER BY snapshot_at DESC LIMIT 1',
    )
  )[0]?.mfa_known;

/** Another second factor, without a trace in the listing. */
function changeMfa(username: string): void {
  const { modifiedAt } = mirror.pool.user(username);
  mirror.pool.changeUser(username, {
    modifiedAt,
    mfaSettings: ['WEB_AUTHN', 'EMAIL_OTP'],
    preferredMfa: 'EMAIL_OTP',
  });
}

const names = () => [...mirror.pool.users()].map(({ username }) => username);
const count = async (table: string) =>
  (await mirror.rows<{ count: number }>(`SELECT count(*) FROM ${table}`))[0]?.count;

it('a forgotten person leaves the count of known states', async () => {
  const [first = ''] = await night({ mfaBudget: 3 });
  await night({ mfaBudget: 5 });
  const known = () =>
    mirror.rows('SELECT mfa_known AS known FROM directory.snapshots ORDER BY snapshot_at');
  expect(await known()).toEqual([{ known: 3 }, { known: 8 }]);
  const [person] = await mirror.rows<{ sub: string }>(
    'SELECT sub FROM directory.users WHERE username = $1',
    [first],
  );
  const subs = [person?.sub ?? ''];
  await transaction(mirror.db, (client) =>
    erasePersons(client, mirror.pool.settings.id, { usernames: [first], subs }),
  );
  expect(await known()).toEqual([{ known: 2 }, { known: 7 }]);
});

describe('a snapshot', () => {
  it('has the MFA states of all users, if the budget allows', async () => {
    expect((await night({ mfaBudget: ALL })).sort()).toEqual(names().sort());
    const found = await states();
    for (const user of mirror.pool.users()) {
      expect(found.get(user.username)).toMatchObject(stateOf(user));
    }
    expect([...found.values()].some((row) => (row.mfa_settings?.length ?? 0) > 0)).toBe(true);
    expect(await knownOf()).toBe(USERS);
    // `plan` computes the size of pages from the calls of the lists alone.
    const last = await lastSnapshot(
      mirror.db,
      mirror.pool.settings.id,
      new AbortController().signal,
    );
    expect(last?.calls).toBe(mirror.simulator.attempts.entries().length - USERS);
    const folder = join(mirror.archive, 'jsonl/users', `pool_id=${mirror.pool.settings.id}`);
    const part = join(folder, readdirSync(folder)[0] as string, 'part-00000.jsonl.gz');
    for (const row of readJsonLines(part) as Record<string, unknown>[]) {
      const { username, mfa_settings, preferred_mfa, mfa_read_at } = row;
      const state = found.get(username as string);
      expect({ mfa_settings, preferred_mfa, mfa_read_at }).toEqual({
        mfa_settings: state?.mfa_settings,
        preferred_mfa: state?.preferred_mfa,
        mfa_read_at: state?.mfa_read_at?.toISOString(),
      });
    }
  });

  it('asks for no user without the option, and knows nothing', async () => {
    expect(await night()).toEqual([]);
    for (const row of (await states()).values()) expect(row).toMatchObject(UNKNOWN);
    expect(await knownOf()).toBeNull();
    expect(await count('mirror.pools WHERE reads_mfa')).toBe(0);
  });

  it('writes no row of a user whose MFA state is the same again', async () => {
    await night({ mfaBudget: ALL });
    const rows = () => mirror.rows('SELECT xmin::text, * FROM directory.users ORDER BY username');
    const before = await rows();
    expect(await night({ mfaBudget: ALL })).toHaveLength(USERS);
    expect(await rows()).toEqual(before);
    expect(await count('directory.user_history')).toBe(0);
    const [latest] = await mirror.rows(
      'SELECT added, modified, mfa_known FROM directory.snapshots ORDER BY snapshot_at DESC LIMIT 1',
    );
    expect(latest).toEqual({ added: 0, modified: 0, mfa_known: USERS });
    // When they were asked for last is remembered all the same.
    const [reading] = await mirror.rows<{ fresh: boolean }>(
      'SELECT bool_and(mfa_asked_at > mfa_read_at) AS fresh FROM mirror.user_hashes',
    );
    expect(reading?.fresh).toBe(true);
  });

  it('asks for new and changed users first, then for those who waited longest', async () => {
    const first = await night({ mfaBudget: 8 });
    expect(first).toHaveLength(8);
    const [edited] = first as [string];
    mirror.pool.updateAttributes(edited, { nickname: 'Edited' });
    mirror.pool.createUser({ username: 'new-one' });
    const second = await night({ mfaBudget: 8 });
    expect(second).toHaveLength(8);
    expect(second).toEqual(expect.arrayContaining(['new-one', edited]));
    const others = second.filter((name) => name !== 'new-one' && name !== edited);
    expect(others.filter((name) => first.includes(name))).toEqual([]);
    const waiting = names().filter((name) => ![...first, ...second].includes(name));
    const third = await night({ mfaBudget: waiting.length });
    expect(third.sort()).toEqual(waiting.sort());
    expect(await knownOf()).toBe(USERS + 1);
    const fourth = await night({ mfaBudget: 7 });
    expect(fourth.sort()).toEqual(first.filter((name) => name !== edited).sort());
  });

  it('has a version for a changed MFA state, also of a user that is else the same', async () => {
    await night({ mfaBudget: ALL });
    const [name] = names() as [string];
    const before = (await states()).get(name);
    changeMfa(name);
    await night({ mfaBudget: ALL });
    const after = { mfa_settings: ['EMAIL_OTP', 'WEB_AUTHN'], preferred_mfa: 'EMAIL_OTP' };
    expect((await states()).get(name)).toMatchObject(after);
    const columns = 'username, mfa_settings, preferred_mfa, mfa_read_at';
    expect(await mirror.rows(`SELECT ${columns} FROM directory.user_history`)).toEqual([before]);
    const at = (order: string) =>
      mirror.rows(
        `SELECT ${columns} FROM directory.users_at($1, (
           SELECT ${order}(snapshot_at) FROM directory.snapshots)) WHERE username = $2`,
        [mirror.pool.settings.id, name],
      );
    expect(await at('min')).toEqual([before]);
    expect(await at('max')).toMatchObject([after]);
    const changes = await mirror.rows<{ fields: string[] }>(
      `SELECT key, kind, fields FROM directory.changes WHERE entity = 'user'`,
    );
    expect(changes).toMatchObject([{ key: { username: name }, kind: 'modified' }]);
    expect(changes[0]?.fields).toEqual(expect.arrayContaining(['mfa_settings', 'mfa_read_at']));
    expect(changes[0]?.fields).not.toContain('modified_at');
  });

  it('keeps what is known of a changed user, and not of another person under the name', async () => {
    await night({ mfaBudget: ALL });
    const before = await states();
    const [edited, replaced] = names() as [string, string];
    mirror.pool.updateAttributes(edited, { nickname: 'Edited' });
    mirror.pool.deleteUser(replaced);
    mirror.pool.createUser({ username: replaced, mfaSettings: ['SMS_MFA'] });
    expect(await night()).toEqual([]);
    const after = await states();
    expect(after.get(edited)).toEqual(before.get(edited));
    expect(after.get(replaced)).toMatchObject(UNKNOWN);
    expect(await night({ mfaBudget: 1 })).toEqual([replaced]);
    expect((await states()).get(replaced)).toMatchObject({ mfa_settings: ['SMS_MFA'] });
  });

  it('gives back the MFA state of a row that something else changed or deleted', async () => {
    await night({ mfaBudget: ALL });
    const rows = () => mirror.rows('SELECT * FROM directory.users ORDER BY username');
    const before = await rows();
    const [altered, deleted] = names() as [string, string];
    await mirror.db.query(
      `UPDATE directory.users SET mfa_settings = '{NONE}', mfa_read_at = now() WHERE username = $1`,
      [altered],
    );
    await mirror.db.query('DELETE FROM directory.users WHERE username = $1', [deleted]);
    await night();
    expect(await rows()).toEqual(before);
    expect(await count('directory.user_history')).toBe(0);
  });

  it('can be compared with the live pool, whose MFA states are not read', async () => {
    await night({ mfaBudget: ALL });
    const [edited] = names() as [string];
    mirror.pool.updateAttributes(edited, { nickname: 'Edited' });
    const asking = await createMirror({
      home: mirror.work,
      databaseUrl: mirror.databaseUrl,
      archiveUrl: pathToFileURL(mirror.archive).href,
      endpoints: { cognito: mirror.proxy.url },
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      quotas: { share: 1, userListRps: 100_000 },
      mfa: true,
    });
    try {
      asked = [];
      const fields: string[] = [];
      await asking.diff(
        mirror.pool.settings.id,
        async (_, batches) => {
          for await (const changes of batches) {
            fields.push(...changes.flatMap((change) => Object.keys(change.fields)));
          }
        },
        { to: 'now' },
      );
      expect(fields).toEqual(['nickname']);
      expect(asked).toEqual([]);
    } finally {
      await asking.close();
    }
  });
});

describe('a snapshot is published without the MFA states', () => {
  it('that the credentials may not read', async () => {
    mirror.simulator.faults.set({ deny: { rate: 1, operations: ['AdminGetUser'] } });
    expect((await night({ mfaBudget: ALL })).length).toBeLessThanOrEqual(8);
    expect(await knownOf()).toBe(0);
    mirror.simulator.faults.set({});
    await night({ mfaBudget: ALL });
    expect(await knownOf()).toBe(USERS);
  });

  it.each([
    ['throttles', 'throttle'],
    ['fails', 'internal-error'],
    ['cuts the connection', 'drop'],
  ] as const)('if the service %s', async (_, fault) => {
    mirror.simulator.faults.set({ [fault]: { rate: 1, operations: ['AdminGetUser'] } });
    await night({ mfaBudget: ALL, retryPolicy: HASTY });
    expect(await knownOf()).toBe(0);
  });

  it('of users that are gone, or that the service cannot show', async () => {
    const [gone, refused, odd] = names().sort() as [string, string, string];
    mirror.proxy.before = (call) => {
      record(call);
      if (call.operation !== 'AdminGetUser') return undefined;
      const { Username } = call.request;
      if (Username === gone && names().includes(gone)) mirror.pool.deleteUser(gone);
      return Username === refused ? { __type: 'InvalidParameterException' } : undefined;
    };
    mirror.proxy.after = ({ operation, request }, answer) =>
      operation === 'AdminGetUser' && request['Username'] === odd
        ? { ...answer, UserMFASettingList: 'SMS_MFA' }
        : answer;
    expect((await night({ mfaBudget: 3, retryPolicy: HASTY })).sort()).toEqual(
      expect.arrayContaining([gone, refused, odd]),
    );
    expect(await knownOf()).toBe(0);
    // They do not keep others waiting.
    const next = await night({ mfaBudget: USERS - 3, retryPolicy: HASTY });
    expect(next).not.toContain(refused);
    expect(next).not.toContain(odd);
    expect(await knownOf()).toBe(USERS - 3);
  });

  it('that do not come within the time of the budget', async () => {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    mirror.proxy.before = async ({ operation }) => {
      if (operation === 'AdminGetUser') await ended;
    };
    try {
      await night({ mfaBudget: 12 });
    } finally {
      end();
    }
    expect(await knownOf()).toBe(0);
  }, 120_000);
});

describe('a run that is interrupted while it reads MFA states', () => {
  it.each([1, 6, 20])(
    'is resumed and asks for no user again that was read: at call %i',
    async (at) => {
      const answered = new Set<string>();
      const stop = new AbortController();
      mirror.proxy.after = ({ operation, request }, answer) => {
        if (operation !== 'AdminGetUser') return answer;
        answered.add(request['Username'] as string);
        if (answered.size === at) stop.abort(new InterruptedError());
        return answer;
      };
      const { report, error } = await mirror.sync({ mfaBudget: 22, signal: stop.signal });
      expect(error).toBeInstanceOf(InterruptedError);
      expect(report.state).toBe('walking');
      expect(await count('directory.users')).toBe(0);
      const first = [...asked];
      const second = await night({ mfaBudget: 22 });
      expect(new Set([...first, ...second]).size).toBe(22);
      // Answers that were on their way when it stopped are lost.
      expect(first.length + second.length).toBeLessThanOrEqual(22 + 8);
      expect(await knownOf()).toBe(22);
    },
  );
});
