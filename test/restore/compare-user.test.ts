import { describe, expect, test } from 'vitest';
import type { TargetPool } from '../../src/model/restore.ts';
import {
  compareUser,
  type UserComparison,
  type UserRules,
} from '../../src/restore/compare-user.ts';
import { type SourceUser, toSourceUser } from '../../src/restore/source-user.ts';
import { attribute, type ListedTargetUser, sourceUser, targetPool, targetState } from './states.ts';

const RULES: UserRules = {
  password: 'random',
  samePool: false,
  omitted: new Set(),
  isUnfinished: () => false,
  isRestored: () => false,
};

interface Given {
  readonly user?: SourceUser;
  readonly pool?: Partial<TargetPool>;
  readonly present?: readonly ListedTargetUser[];
  readonly rules?: Partial<UserRules>;
}

async function compare({
  user = sourceUser(),
  pool = {},
  present = [],
  rules = {},
}: Given): Promise<UserComparison> {
  const target = await targetState(targetPool(pool), present);
  return compareUser(user, target, { ...RULES, ...rules });
}

/** The reasons and details of losses. */
function reasons({ losses }: UserComparison): string[] {
  return losses.map(({ reason, detail, whole }) =>
    [reason, detail, whole ? 'whole' : null].filter((each) => each !== null).join(' '),
  );
}

describe('a user that the target lacks', () => {
  test('is created with what the schema accepts', async () => {
    const attributes = { email: 'a@x', 'custom:plan': 'gold', 'custom:other': 'x' };
    const compared = await compare({ user: sourceUser({ attributes, enabled: false }) });
    expect(compared.task).toEqual({
      entity: 'user',
      action: 'create',
      username: 'ann',
      sub: 'sub-ann',
      signInName: 'ann',
      attributes: { email: 'a@x', 'custom:plan': 'gold' },
      enabled: false,
      mfa: null,
    });
    expect(reasons(compared)).toEqual(['attribute-missing custom:other']);
  });

  test('gets the old sub where the schema has a place for it', async () => {
    const schema = new Map([['custom:previous_sub', attribute()]]);
    const { task } = await compare({ pool: { schema } });
    expect(task).toMatchObject({ attributes: { 'custom:previous_sub': 'sub-ann' } });
  });

  test.each<[string, Given, string]>([
    [
      'a profile of a provider',
      { user: sourceUser({ status: 'EXTERNAL_PROVIDER' }) },
      'federated-profile',
    ],
    [
      'a sign-up that was not confirmed',
      { user: sourceUser({ status: 'UNCONFIRMED' }) },
      'unconfirmed',
    ],
    [
      'a user without a required attribute',
      { pool: { schema: new Map([['name', attribute({ required: true })]]) } },
      'attribute-required name',
    ],
    [
      'a user without an address where users sign in by one',
      { pool: { usernameAttributes: ['email'] } },
      'no-address',
    ],
    [
      'a verified address that another user has as an alias',
      {
        user: sourceUser({ attributes: { email: 'a@x', email_verified: 'true' } }),
        pool: { aliasAttributes: ['email'] },
        present: [{ username: 'bob', attributes: { email: 'a@x', email_verified: 'true' } }],
      },
      'alias-conflict',
    ],
  ])('is not created: %s', async (_, given, reason) => {
    const compared = await compare(given);
    expect(compared).toMatchObject({ task: null, comesBack: false });
    expect(reasons(compared)).toEqual([`${reason} whole`]);
  });

  test('signs in by its address where the pool makes usernames', async () => {
    const user = sourceUser({ attributes: { email: 'a@x', phone_number: '+49' } });
    const pool = { usernameAttributes: ['email', 'phone_number'] };
    expect((await compare({ user, pool })).task).toMatchObject({ signInName: 'a@x' });
  });

  test('cannot share an address with another user of the snapshot', async () => {
    const target = await targetState(targetPool({ usernameAttributes: ['email'] }));
    const attributes = { email: 'a@x' };
    const first = compareUser(sourceUser({ attributes }), target, RULES);
    const second = compareUser(sourceUser({ username: 'bob', attributes }), target, RULES);
    expect(first.task).not.toBeNull();
    expect(reasons(second)).toEqual(['alias-conflict whole']);
  });

  test('cannot share a name with another user of the snapshot, in another case', async () => {
    const target = await targetState(targetPool({ caseSensitive: false }));
    const first = compareUser(sourceUser({ username: 'Ann' }), target, RULES);
    const second = compareUser(sourceUser(), target, RULES);
    expect(first.task).not.toBeNull();
    expect(reasons(second)).toEqual(['alias-conflict whole']);
  });

  test('does not sign in by an address that privacy rules hide', async () => {
    const email = `hmac-sha256:00000000:${'0'.repeat(64)}`;
    const usernameAttributes = ['email', 'phone_number'];
    const hidden = await compare({
      user: sourceUser({ attributes: { email } }),
      pool: { usernameAttributes },
    });
    expect(reasons(hidden)).toEqual(['no-address whole']);
    const user = sourceUser({ attributes: { email, phone_number: '+49' } });
    expect((await compare({ user, pool: { usernameAttributes } })).task).toMatchObject({
      signInName: '+49',
    });
  });

  test.each([
    ['random', 'CONFIRMED', []],
    ['random', 'FORCE_CHANGE_PASSWORD', ['status FORCE_CHANGE_PASSWORD']],
    ['random', 'RESET_REQUIRED', ['status RESET_REQUIRED']],
    ['temporary', 'CONFIRMED', ['status CONFIRMED']],
    ['temporary', 'FORCE_CHANGE_PASSWORD', []],
  ] as const)('with a %s password and status %s loses %j', async (password, status, expected) => {
    const compared = await compare({ user: sourceUser({ status }), rules: { password } });
    expect(reasons(compared)).toEqual(expected);
  });

  test('keeps second factors that a call can set, and names the others', async () => {
    const user = sourceUser({
      mfaSettings: ['SMS_MFA', 'SOFTWARE_TOKEN_MFA'],
      preferredMfa: 'SOFTWARE_TOKEN_MFA',
    });
    const compared = await compare({ user });
    expect(compared.task).toMatchObject({ mfa: { settings: ['SMS_MFA'], preferred: null } });
    expect(reasons(compared)).toEqual(['totp']);
    const off = await compare({ user, pool: { mfaConfiguration: 'OFF' } });
    expect(off.task).toMatchObject({ mfa: null });
    expect(reasons(off)).toEqual(['totp', 'mfa-off']);
  });
});

describe('a user of both', () => {
  test('is left alone if nothing differs', async () => {
    const attributes = { email: 'a@x', email_verified: 'true' };
    const compared = await compare({ user: sourceUser({ attributes }), present: [{ attributes }] });
    expect(compared).toMatchObject({ task: null, comesBack: true, losses: [] });
  });

  test('gets only what differs, and loses what the snapshot lacks', async () => {
    const user = sourceUser({
      attributes: { name: 'Ann', 'custom:plan': 'gold' },
      enabled: false,
    });
    const present = [{ attributes: { name: 'Ann', phone_number: '+49' } }];
    expect((await compare({ user, present })).task).toEqual({
      entity: 'user',
      action: 'update',
      username: 'ann',
      sub: 'sub-ann',
      target: { username: 'ann', sub: 'new-ann' },
      attributes: { 'custom:plan': 'gold', phone_number: '' },
      enabled: false,
      password: false,
      mfa: null,
    });
  });

  test('keeps the mark of a changed address, and sends no message', async () => {
    const present = [{ attributes: { email: 'new@x', email_verified: 'true' } }];
    const pool = { autoVerifiedAttributes: ['email'] };
    const verified = sourceUser({ attributes: { email: 'a@x', email_verified: 'true' } });
    expect((await compare({ user: verified, pool, present })).task).toMatchObject({
      attributes: { email: 'a@x', email_verified: 'true' },
    });
    const unverified = sourceUser({ attributes: { email: 'a@x' } });
    const compared = await compare({ user: unverified, pool, present });
    expect(compared.task).toBeNull();
    expect(reasons(compared)).toEqual(['attribute-unverified email']);
  });

  test('names values that the schema refuses', async () => {
    const schema = new Map([
      ['custom:fixed', attribute({ mutable: false })],
      ['custom:plan', attribute({ max: 3 })],
      ['custom:seats', attribute({ type: 'Number' })],
    ]);
    const user = sourceUser({
      attributes: { 'custom:fixed': 'a', 'custom:plan': 'gold', 'custom:seats': 'many' },
    });
    const compared = await compare({ user, pool: { schema }, present: [{}] });
    expect(compared.task).toBeNull();
    expect(reasons(compared)).toEqual([
      'attribute-immutable custom:fixed',
      'attribute-invalid custom:plan',
      'attribute-invalid custom:seats',
    ]);
  });

  test('keeps what privacy rules hide in the snapshot', async () => {
    const hash = `hmac-sha256:00000000:${'0'.repeat(64)}`;
    const user = sourceUser({ attributes: { name: hash, 'custom:plan': 'gold' } });
    const rules = { omitted: new Set(['email', 'custom:plan']) };
    const present = [{ attributes: { name: 'Ann', email: 'a@x', 'custom:plan': 'gold' } }];
    expect((await compare({ user, present, rules })).task).toBeNull();
    const created = await compare({ user, rules });
    expect(created.task).toMatchObject({ attributes: { 'custom:plan': 'gold' } });
    expect(reasons(created)).toEqual(['attribute-hidden email', 'attribute-hidden name']);
  });

  test('loses links of identities that privacy rules hash', async () => {
    const hash = `hmac-sha256:00000000:${'0'.repeat(64)}`;
    const content = { status: 'CONFIRMED', attributes: { identities: hash }, escaped: [] };
    const user = toSourceUser({ username: 'ann', content, groupNames: [] });
    const created = await compare({ user });
    expect(created.task).toMatchObject({ attributes: {} });
    expect(reasons(created)).toEqual(['attribute-hidden identities']);
    const identities = '[{"userId":"1","providerName":"Google","primary":false}]';
    expect(await compare({ user, present: [{ attributes: { identities } }] })).toMatchObject({
      task: null,
      losses: [],
    });
  });

  test('does not take an alias from another user', async () => {
    const compared = await compare({
      user: sourceUser({ attributes: { name: 'Ann', preferred_username: 'a' } }),
      pool: { aliasAttributes: ['preferred_username'] },
      present: [{}, { username: 'bob', sub: 'new-bob', attributes: { preferred_username: 'a' } }],
    });
    expect(compared.task).toMatchObject({ attributes: { name: 'Ann' } });
    expect(reasons(compared)).toEqual(['alias-conflict preferred_username']);
  });

  test('is found by its address where the pool makes usernames', async () => {
    const { task, present } = await compare({
      user: sourceUser({ attributes: { email: 'a@x', name: 'Ann' } }),
      pool: { usernameAttributes: ['email'] },
      present: [{ username: 'made-by-pool', attributes: { email: 'a@x' } }],
    });
    expect(present?.username).toBe('made-by-pool');
    expect(task).toMatchObject({ action: 'update', attributes: { name: 'Ann' } });
  });

  test('is found in any case where the pool does not compare it', async () => {
    const present = [{ username: 'ANN' }];
    expect((await compare({ pool: { caseSensitive: false }, present })).present).not.toBeNull();
    expect((await compare({ present })).present).toBeNull();
  });

  test.each<[string, Partial<TargetPool>, ListedTargetUser, SourceUser, SourceUser]>([
    [
      'address',
      { usernameAttributes: ['email'] },
      { username: 'made-by-pool', attributes: { email: 'a@x' } },
      sourceUser({ attributes: { email: 'a@x' } }),
      sourceUser({ username: 'bob', sub: 'sub-bob', attributes: { email: 'a@x', name: 'Bob' } }),
    ],
    [
      'name in another case',
      { caseSensitive: false },
      { username: 'Ann' },
      sourceUser({ username: 'Ann' }),
      sourceUser({ attributes: { name: 'Other Ann' } }),
    ],
  ])('is that of one user of the snapshot, if two have its %s', async (_, ...given) => {
    const [pool, present, first, second] = given;
    const target = await targetState(targetPool(pool), [present]);
    expect(compareUser(first, target, RULES)).toMatchObject({ task: null, comesBack: true });
    const compared = compareUser(second, target, RULES);
    expect(compared).toMatchObject({ task: null, comesBack: false });
    expect(reasons(compared)).toEqual(['alias-conflict whole']);
  });

  test('that waits for a password gets one, if it had one in the snapshot', async () => {
    const present = [{ status: 'FORCE_CHANGE_PASSWORD' }];
    expect((await compare({ present })).task).toMatchObject({ password: true });
    const waiting = sourceUser({ status: 'FORCE_CHANGE_PASSWORD' });
    expect((await compare({ user: waiting, present })).task).toBeNull();
    const unfinished = { isUnfinished: () => true };
    expect((await compare({ user: waiting, present, rules: unfinished })).task).toMatchObject({
      password: true,
    });
  });

  test('that a killed run completed gets a task without calls, so that the journal notes it', async () => {
    const present = [{ status: 'CONFIRMED' }];
    expect((await compare({ present })).task).toBeNull();
    const rules = { isUnfinished: () => true };
    expect((await compare({ present, rules })).task).toMatchObject({
      attributes: {},
      enabled: null,
      password: false,
    });
  });

  test('of the same pool with another sub is another person', async () => {
    const user = sourceUser({ attributes: { email: 'old@x' } });
    const present = [{ attributes: { email: 'new@x' } }];
    const samePool = true;
    const compared = await compare({ user, present, rules: { samePool } });
    expect(compared).toMatchObject({ task: null, comesBack: false });
    expect(reasons(compared)).toEqual(['replaced whole']);
    const restored = await compare({ user, present, rules: { samePool, isRestored: () => true } });
    expect(restored.task).not.toBeNull();
    const isUnfinished = () => true;
    const unfinished = { user, rules: { samePool, isUnfinished } };
    const same = [{ status: 'FORCE_CHANGE_PASSWORD', attributes: { email: 'old@x' } }];
    expect((await compare({ ...unfinished, present: same })).task).toMatchObject({
      password: true,
    });
    expect(reasons(await compare({ ...unfinished, present }))).toEqual(['replaced whole']);
    const marked = [{ attributes: { 'custom:previous_sub': 'sub-ann' } }];
    expect((await compare({ user, present: marked, rules: { samePool } })).comesBack).toBe(true);
  });
});
