import { expect, test } from 'vitest';
import { createPassword } from '../../src/restore/password.ts';
import { checkPassword } from '../../src/simulator/accounts.ts';
import { DEFAULT_PASSWORD_POLICY } from '../../src/simulator/settings.ts';

test.each([6, 8, 32, 99])('a password of at least %d characters passes every rule', (least) => {
  const passwords = Array.from({ length: 500 }, () => createPassword({ minimumLength: least }));
  for (const password of passwords) {
    checkPassword(password, { ...DEFAULT_PASSWORD_POLICY, MinimumLength: least });
    expect(password).toMatch(/^[!-~]{32,99}$/);
  }
  expect(new Set(passwords).size).toBe(500);
});

test('no place of a password has one kind of character only', () => {
  const kinds = Array.from({ length: 32 }, () => new Set<number>());
  for (let i = 0; i < 2_000; i += 1) {
    createPassword({ minimumLength: 8 })
      .split('')
      .forEach((character, at) => {
        kinds[at]?.add([/[A-Z]/, /[a-z]/, /\d/].findIndex((kind) => kind.test(character)));
      });
  }
  for (const kind of kinds) expect(kind.size).toBe(4);
});
