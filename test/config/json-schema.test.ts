import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CONFIG_FILE, configFileJsonSchema } from '../../src/config/file-schema.ts';

const CHECKED_IN = new URL('../../docs/mirror-config.schema.json', import.meta.url);

interface Schema {
  description?: string;
  examples?: unknown[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
}

test('the checked-in schema is current; `npm run schema` writes it', () => {
  expect(JSON.parse(readFileSync(CHECKED_IN, 'utf8'))).toEqual(configFileJsonSchema());
});

test('every key has a description, and every value an example', () => {
  const found: string[] = [];
  const walk = (schema: Schema) => {
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      expect(value.description, key).toMatch(/\.$/);
      if (value.properties === undefined) expect(value.examples, key).not.toHaveLength(0);
      found.push(key);
      walk(value);
    }
    for (const value of schema.anyOf ?? []) walk(value);
    if (typeof schema.additionalProperties === 'object') walk(schema.additionalProperties);
  };
  walk(configFileJsonSchema());
  expect(found.sort()).toEqual([
    'accounts',
    'archiveHashAttributes',
    'archiveLockDays',
    'archiveLockMode',
    'archiveManifestLockDays',
    'archiveOmitAttributes',
    'archiveStorageClass',
    'archiveUrl',
    'arn',
    'externalId',
    'hashAttributes',
    'maxRemovedRatio',
    'mfa',
    'mfaBudget',
    'omitAttributes',
    'pingUrl',
    'poolSettings',
    'pools',
    'quotaShare',
    'region',
    'role',
    'schedule',
    'timezone',
    'userListRps',
    'writeQuotas',
  ]);
});

test('the examples of the schema pass its checks', () => {
  const { pools, accounts } = (configFileJsonSchema() as Schema).properties ?? {};
  const example = { pools: pools?.examples?.[0], accounts: accounts?.examples?.[0] };
  expect(CONFIG_FILE.parse(example)).toEqual(example);
});
