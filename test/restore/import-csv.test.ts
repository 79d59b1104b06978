import { describe, expect, test } from 'vitest';
import { ImportCsv } from '../../src/restore/import-csv.ts';
import { sourceUser, targetPool } from './states.ts';

const HEADER = ['email', 'email_verified', 'name', 'cognito:mfa_enabled', 'cognito:username'];
const POOL = { autoVerifiedAttributes: ['email'] };
const ANN = { email: 'ann@example.com', email_verified: 'true', name: 'Ann' };

describe('the file of an import job', () => {
  test('has the header of the pool, and a line for each user', () => {
    const csv = new ImportCsv(HEADER, targetPool(POOL), new Set());
    expect(csv.headerLine).toBe('email,email_verified,name,cognito:mfa_enabled,cognito:username\n');
    expect(csv.line(sourceUser({ attributes: ANN }))).toBe('ann@example.com,true,Ann,false,ann\n');
    expect(csv.summary).toMatchObject({ users: 1, isTooLarge: false, losses: [] });
  });

  test('puts a backslash before a comma, and leaves out what no line can hold', () => {
    const csv = new ImportCsv(HEADER, targetPool(POOL), new Set());
    const line = (name: string) => csv.line(sourceUser({ attributes: { ...ANN, name } }));
    expect(line('Doe, Ann')).toContain(',Doe\\, Ann,');
    expect(line('two\nlines')).toContain(',true,,false,');
    expect(csv.summary.losses).toEqual([
      { reason: 'attribute-invalid', entity: 'user', whole: false, count: 1 },
    ]);
  });

  test('has the address as the username where users sign in by it', () => {
    const csv = new ImportCsv(
      HEADER,
      targetPool({ ...POOL, usernameAttributes: ['email'] }),
      new Set(),
    );
    expect(csv.line(sourceUser({ attributes: ANN }))).toMatch(/,ann@example\.com\n$/);
  });

  test('lacks users that a job refuses, and counts what the form has no place for', () => {
    const csv = new ImportCsv(HEADER, targetPool(POOL), new Set());
    expect(csv.line(sourceUser({ attributes: { email: 'a@x' } }))).toBe('');
    expect(csv.line(sourceUser({ status: 'EXTERNAL_PROVIDER' }))).toBe('');
    expect(csv.line(sourceUser({ status: 'UNCONFIRMED', attributes: ANN }))).toBe('');
    csv.line(
      sourceUser({
        attributes: ANN,
        enabled: false,
        groupNames: ['a', 'b'],
        identities: [{ providerName: 'Google', userId: '1' }],
        mfaSettings: ['SMS_MFA'],
      }),
    );
    const { users, losses, lost } = csv.summary;
    expect(users).toBe(1);
    expect(losses.map(({ reason }) => reason)).toEqual([
      'unconfirmed',
      'federated-profile',
      'no-verified-address',
    ]);
    expect(lost).toEqual({ memberships: 2, disabled: 1, links: 1, secondFactors: 1 });
  });
});
