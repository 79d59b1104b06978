import { describe, expect, test } from 'vitest';
import type { PrivacyRules } from '../../src/model/privacy.ts';
import { HashKey } from '../../src/privacy/hash-key.ts';
import { Mask, type OnRevealed } from '../../src/privacy/mask.ts';
import { PoolPrivacy } from '../../src/privacy/pool-privacy.ts';
import { user as rowOf } from '../archive/support.ts';
import { user } from '../postgres/fixtures.ts';
import { HASH_KEY, NO_RULES } from '../support/privacy.ts';

const poolId = 'us-east-1_Ab12Cd34';
const key = new HashKey(HASH_KEY);
const hashOf = (name: string, value: string) => key.hash(poolId, name, value);

function maskOf(rules: Partial<PrivacyRules>, onRevealed?: OnRevealed): Mask {
  return new Mask({ poolId, rules: { ...NO_RULES, ...rules }, key, onRevealed });
}

const attributes = { sub: 's', email: 'Ana@example.com', name: 'Ana', phone_number: '+4179' };
const ana = user('ana', { sub: 's', attributes });

describe('a user of the service', () => {
  test('is the same object without rules', () => {
    const mask = maskOf({});
    expect(mask.record).toBeNull();
    expect(mask.hideUser(ana)).toBe(ana);
  });

  test('loses what is left out and keeps a hash of what is hashed', () => {
    const mask = maskOf({ omit: ['phone_number', 'absent'], hash: ['email', 'nickname'] });
    const hidden = mask.hideUser(ana);
    expect(hidden).toEqual({
      ...ana,
      attributes: { sub: 's', email: hashOf('email', 'ana@example.com'), name: 'Ana' },
    });
    expect(ana.attributes).toBe(attributes);
    expect(mask.record).toEqual({
      omitted: ['absent', 'phone_number'],
      hashed: { email: key.id, nickname: key.id },
    });
  });

  test('is hashed again if its value has the form of a hash: anyone can write one', () => {
    const forged = hashOf('name', 'Bob');
    const mallory = user('m', { attributes: { sub: 's', name: forged } });
    expect(maskOf({ hash: ['name'] }).hideUser(mallory).attributes['name']).toBe(
      hashOf('name', forged),
    );
  });

  test('has no mark of escaped text where none is left', () => {
    const odd = user('o', {
      attributes: { sub: 's', name: 'a\\u0000', nickname: '\\ud800', locale: '\\u0000' },
      escaped: ['locale', 'name', 'nickname'],
    });
    const hidden = maskOf({ omit: ['name'], hash: ['nickname'] }).hideUser(odd);
    expect(hidden.escaped).toEqual(['locale']);
    expect(hidden.attributes['nickname']).toBe(hashOf('nickname', '\\ud800'));
  });

  test('keeps attributes with odd names', () => {
    const named = JSON.parse('{"sub":"s","name":"Ana","__proto__":"an attribute"}');
    const hidden = maskOf({ omit: ['name'] }).hideUser(user('p', { attributes: named }));
    expect(Object.keys(hidden.attributes)).toEqual(['sub', '__proto__']);
  });

  test('is reported if another field repeats what is hidden: once for each field', () => {
    const revealed: string[][] = [];
    const mask = maskOf({ hash: ['email'], omit: ['name'] }, (...pair) => revealed.push(pair));
    const careless = {
      ...user('ANA@example.com', {
        attributes: { ...attributes, nickname: 'ana', profile: 'mailto:ana@example.com' },
      }),
    };
    mask.hideUser(careless);
    mask.hideUser(careless);
    mask.hideUser(ana);
    // A name as short as Ana is in many texts.
    expect(revealed).toEqual([
      ['username', 'email'],
      ['profile', 'email'],
    ]);
  });
});

describe('a row of the archive', () => {
  const row = {
    ...rowOf(1),
    email: 'Ana@example.com',
    name: 'Ana',
    phone_number: '+4179',
    phone_number_verified: true,
    attributes: { ...attributes, phone_number_verified: 'true' },
    escaped: ['name'],
  };
  const mask = maskOf({ omit: ['phone_number', 'phone_number_verified'], hash: ['email', 'name'] });

  test('hides its columns as its attributes', () => {
    const hidden = {
      email: hashOf('email', 'ana@example.com'),
      name: hashOf('name', 'Ana'),
    };
    expect(mask.hideRow(row)).toEqual({
      ...row,
      ...hidden,
      phone_number: null,
      phone_number_verified: null,
      attributes: { sub: 's', ...hidden },
      escaped: [],
    });
    expect(Object.keys(mask.hideRow(row))).toEqual(Object.keys(row));
  });

  test('stays as it is when it is hidden already, also by another key', () => {
    const hidden = mask.hideRow(row);
    expect(mask.hideRow(hidden)).toEqual(hidden);
    const rules = { omit: [], hash: ['email', 'name'] };
    const other = new Mask({ poolId, rules, key: new HashKey(`${HASH_KEY}.`) });
    expect(other.hideRow(hidden)).toEqual(hidden);
  });

  const change = (after: object, changed: string[]) => ({
    entity: 'user',
    kind: 'modified',
    changed,
    before: row,
    after: { ...row, ...after },
  });

  test('names in `changed` only what differs afterwards', () => {
    const after = { attributes: { ...row.attributes, email: 'ANA@EXAMPLE.COM', locale: 'de' } };
    const hidden = mask.hideChange(change(after, ['email', 'locale']));
    expect(hidden).toMatchObject({ changed: ['locale'], before: { phone_number: null } });
    const renamed = { attributes: { ...row.attributes, name: 'Anna' }, escaped: [] };
    expect(mask.hideChange(change(renamed, ['escaped', 'name']))).toMatchObject({
      changed: ['name'],
    });
  });

  test('is no change if nothing differs that may show', () => {
    const after = { attributes: { ...row.attributes, phone_number: '+4178' } };
    expect(mask.hideChange(change(after, ['phone_number']))).toBeNull();
  });

  test('of before a rule shows nothing that was hashed since, if the key is gone', () => {
    const record = { omitted: [], hashed: { email: key.id } };
    const keyless = new Mask({ poolId, rules: NO_RULES, key: null, before: record });
    const email = hashOf('email', 'ana@example.com');
    const after = { email, attributes: { ...row.attributes, email } };
    const hidden = keyless.hideChange(change(after, ['email']));
    expect(JSON.stringify(hidden)).not.toContain('Ana@example.com');
    expect(hidden).toMatchObject({ before: { email: null }, after: { email } });
  });

  test('of an added or removed user, and of a group', () => {
    const added = { entity: 'user', kind: 'added', changed: [], before: null, after: row };
    expect(mask.hideChange(added)).toEqual({ ...added, after: mask.hideRow(row) });
    const group = { entity: 'group', kind: 'modified', changed: ['description'] };
    expect(mask.hideChange(group)).toBe(group);
  });
});

describe('the archive', () => {
  const rules = {
    database: { omit: ['phone_number'], hash: ['email'] },
    archive: { omit: ['email'], hash: ['phone_number', 'name'] },
  };

  test('hides what Postgres hides, and more', () => {
    const privacy = new PoolPrivacy({ poolId, ...rules, key });
    // Also for a snapshot of before the rules.
    for (const published of [privacy.database.record, null]) {
      expect(privacy.archiveMask(published).record).toEqual({
        omitted: ['email', 'phone_number'],
        hashed: { name: key.id },
      });
    }
  });

  test('hides what was hidden when the snapshot was read, with the key of that time', () => {
    const before = { omitted: ['locale'], hashed: { name: 'aaaaaaaa' } };
    const privacy = new PoolPrivacy({ poolId, database: NO_RULES, archive: NO_RULES, key: null });
    expect(privacy.archiveMask(before).record).toEqual(before);
    expect(privacy.archiveMask(null).record).toBeNull();
  });
});
