import { describe, expect, test } from 'vitest';
import { resolvePoolSettings } from '../../src/config/pool-settings.ts';
import { loadYaml, problemsOf, yamlProblemsOf } from './support.ts';

const MIRROR_HASH_KEY = 'kX9tW3mB7qZr5vNc8yHd2fLs6gJp4aUe';
const POOL = 'us-east-1_Ab12Cd34';
const REMEDY = 'Give names as Cognito has them, such as email, phone_number or custom:tenant.';

test('a pool has the rules of the environment, and replaces each by its own', () => {
  const env = {
    MIRROR_HASH_KEY,
    MIRROR_OMIT_ATTRIBUTES: 'phone_number, custom:tenant',
    MIRROR_HASH_ATTRIBUTES: 'email',
    ARCHIVE_OMIT_ATTRIBUTES: 'birthdate',
    ARCHIVE_HASH_ATTRIBUTES: 'name',
  };
  const file = `pools: {${POOL}: {omitAttributes: [], archiveHashAttributes: [given_name, 'dev:custom:x']}}`;
  const config = loadYaml(file, env);
  expect(resolvePoolSettings(config, POOL).privacy).toEqual({
    database: { omit: [], hash: ['email'] },
    archive: { omit: ['birthdate'], hash: ['given_name', 'dev:custom:x'] },
  });
  expect(resolvePoolSettings(config, 'us-east-1_Other').privacy).toEqual({
    database: { omit: ['phone_number', 'custom:tenant'], hash: ['email'] },
    archive: { omit: ['birthdate'], hash: ['name'] },
  });
});

describe('is refused:', () => {
  test.each([
    ['sub', 'a username and a sub identify a user, so that no rule can hide them'],
    ['username', 'a username and a sub identify a user, so that no rule can hide them'],
    ['emial', 'must have standard attributes, and custom ones with custom: before their names'],
    [
      'email,email_verified',
      'a hash does not hide what is only true or false; leave it out instead',
    ],
  ])('hashing %s', (text, problem) => {
    expect(problemsOf({ MIRROR_HASH_KEY, MIRROR_HASH_ATTRIBUTES: text })).toEqual([
      `MIRROR_HASH_ATTRIBUTES: ${problem}, not ${JSON.stringify(text)}. ${REMEDY}`,
    ]);
  });

  test('hashing without a key', () => {
    const [problem, ...others] = problemsOf({ ARCHIVE_HASH_ATTRIBUTES: 'email' });
    expect(others).toEqual([]);
    expect(problem).toMatch(
      /^MIRROR_HASH_KEY: is not set, and ARCHIVE_HASH_ATTRIBUTES is\. Give a random text/,
    );
    expect(yamlProblemsOf(`pools: {${POOL}: {hashAttributes: [email]}}`)).toEqual([
      expect.stringMatching(
        `^MIRROR_CONFIG: MIRROR_HASH_KEY: is not set, and pools.${POOL}.hashAttributes is`,
      ),
    ]);
  });

  test('settings of pools without a key', () => {
    expect(problemsOf({ MIRROR_POOL_SETTINGS: 'true' })).toEqual([
      expect.stringMatching(
        /^MIRROR_HASH_KEY: is not set, and MIRROR_POOL_SETTINGS is\. Give a random text .*openssl rand/,
      ),
    ]);
    expect(problemsOf({ MIRROR_POOL_SETTINGS: 'yes' })).toEqual([
      'MIRROR_POOL_SETTINGS: must be true or false, not "yes". Give true or false.',
    ]);
    const file = `pools: {${POOL}: {poolSettings: true}}`;
    expect(yamlProblemsOf(file)).toEqual([
      expect.stringMatching(
        `^MIRROR_CONFIG: MIRROR_HASH_KEY: is not set, and pools.${POOL}.poolSettings is`,
      ),
    ]);
    const config = loadYaml(file, { MIRROR_HASH_KEY });
    expect(resolvePoolSettings(config, POOL).poolSettings).toBe(true);
    expect(resolvePoolSettings(config, 'us-east-1_Other').poolSettings).toBe(false);
  });

  test('an attribute that is left out and hashed, with its subject', () => {
    const env = {
      MIRROR_HASH_KEY,
      MIRROR_OMIT_ATTRIBUTES: 'email',
      MIRROR_HASH_ATTRIBUTES: 'email',
    };
    expect(problemsOf(env)).toEqual([
      `MIRROR_HASH_ATTRIBUTES: email cannot be both left out and hashed. ${REMEDY}`,
    ]);
    const file = `pools: {${POOL}: {omitAttributes: [email]}}`;
    expect(() => loadYaml(file, { MIRROR_HASH_KEY, MIRROR_HASH_ATTRIBUTES: 'email' })).toThrow(
      `pools.${POOL}.omitAttributes: email cannot be both left out and hashed.`,
    );
  });

  test('a short key, which the message does not quote', () => {
    const short = 'too-short-and-secret';
    const [problem = ''] = problemsOf({ MIRROR_HASH_KEY: short });
    expect(problem).toMatch(
      /^MIRROR_HASH_KEY: must be at least 32 ASCII characters without spaces\./,
    );
    expect(problem).not.toContain(short);
  });

  test('a wrong list in the file, with its line and without its values', () => {
    expect(
      yamlProblemsOf(
        `pools:\n  ${POOL}:\n    omitAttributes: email\n    archiveOmitAttributes:\n      - email\n      - hidden\n      - email\n`,
      ),
    ).toEqual([
      `3: pools.${POOL}.omitAttributes: must be a list of names. ${REMEDY}`,
      expect.stringMatching(
        `^4: pools.${POOL}.archiveOmitAttributes.1: must have standard attributes`,
      ),
    ]);
  });
});
