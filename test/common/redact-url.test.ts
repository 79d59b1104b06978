import { expect, test } from 'vitest';
import { redactUrl } from '../../src/common/redact-url.ts';

test.each([
  ['postgres://u:hunter2@h:5432/db?sslmode=require', 'postgres://u:***@h:5432/db?sslmode=require'],
  ['postgres://h/db?password=hunter2&user=u', 'postgres://h/db?password=***&user=u'],
  ['redis://:hunter2@h', 'redis://:***@h'],
  ['s3://bucket/prefix', 's3://bucket/prefix'],
  ['hunter2 is no url', '(not a URL)'],
])('%s is shown as %s', (url, shown) => {
  expect(redactUrl(url)).toBe(shown);
});
