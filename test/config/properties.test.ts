import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { VARIABLES } from '../../src/config/variables.ts';
import fc from '../support/fast-check.ts';
import { problemsOf, writeYaml } from './support.ts';

const SECRET = 's3cret-T0ken';

const NAMES = [
  ...['pools', 'accounts', 'role', 'arn', 'externalId', 'schedule', 'timezone', 'archiveUrl'],
  ...[
    'maxRemovedRatio',
    'mfa',
    'mfaBudget',
    'quotaShare',
    'userListRps',
    'writeQuotas',
    'us-east-1_Ab12Cd34',
    '123456789012',
    'us-east-1',
  ],
  ...['__proto__', 'constructor', '<<', '', '~', '0123'],
];

/** Pieces of YAML, so that the text is often valid. */
const PIECES = [
  ...NAMES.map((name) => `${name}: `),
  ...['\n', '\n  ', '\n    ', '- ', '? ', ': ', '{', '}', '[', ']', ', ', '"', "'", '|\n', '>-\n'],
  ...['&a ', '*a', '*b', '<<: *a', '!!set ', '!!binary ', '%YAML 1.1\n', '---\n', '...\n', '\t'],
  ...['0.5', '5', '1e999', '.nan', 'true', 'null', '# x', '\u0000', '\u{1f642}', '\ud800'],
];

const yamlText = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 60 }),
);

/** Values in the shape of the file: valid, invalid or a secret. */
const leaf = fc.constantFrom<unknown>(
  ...[SECRET, `s3://u:${SECRET}@b`, `${SECRET} * * * *`, 0.5, -1, null, true, [SECRET], {}],
);
const shape = fc.dictionary(
  fc.constantFrom(...NAMES),
  fc.oneof(
    leaf,
    fc.dictionary(
      fc.constantFrom(...NAMES),
      fc.oneof(leaf, fc.dictionary(fc.constantFrom(...NAMES), leaf, { maxKeys: 5 })),
      { maxKeys: 5 },
    ),
  ),
  { maxKeys: 4 },
);

test('any text gives a configuration, or problems that name their lines', () => {
  const path = writeYaml('');
  fc.assert(
    fc.property(yamlText, (text) => {
      writeFileSync(path, text);
      for (const problem of problemsOf({ MIRROR_CONFIG: path })) {
        expect(problem).toMatch(/^MIRROR_CONFIG(:| \(.*mirror\.yaml:\d+\):) .+\. [A-Z].+$/s);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('problems of the file quote no value and join the problems of variables', () => {
  const path = writeYaml('');
  fc.assert(
    fc.property(shape, (value) => {
      writeFileSync(path, stringify(value));
      const alone = problemsOf({ MIRROR_CONFIG: path });
      expect(alone.join('\n')).not.toContain(SECRET);
      const env = { MIRROR_CONFIG: path, MIRROR_QUOTA_SHARE: '7', LOG_LEVEL: 'loud' };
      const together = problemsOf(env, { worker: true });
      expect(together).toEqual(expect.arrayContaining(alone));
      expect(together.length).toBeGreaterThanOrEqual(alone.length + 5);
    }),
    { numRuns: 1_000 },
  );
});

test('problems never quote a variable that can hold a secret', () => {
  const names = [
    'DATABASE_URL',
    'REDIS_URL',
    'ARCHIVE_URL',
    'MIRROR_HTTP_TOKEN',
    'MIRROR_HTTP_VIEW_TOKEN',
  ] as const;
  const text = fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(fc.constantFrom(...names), text, (name, [before, after]) => {
      const parsed = VARIABLES[name].schema.safeParse(`${before}${SECRET}${after}`);
      expect(parsed.error?.message ?? '').not.toContain(SECRET);
    }),
  );
});
