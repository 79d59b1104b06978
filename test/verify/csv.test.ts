import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type ManifestObject, NEWEST_VERSION } from '../../src/archive/manifest.ts';
import { checkCsv } from '../../src/verify/check-content.ts';
import { ContentError } from '../../src/verify/content-error.ts';

const NAMES = 'group_name,description,role_arn,precedence,created_at,modified_at,escaped\r\n';
const ROW = 'admins,"a ""b""",,1,2026-01-02T03:04:05.678Z,,[]\r\n';

/** What is wrong with bytes that a manifest describes as two rows of groups. Null if nothing is. */
async function check(bytes: Buffer, more: Partial<ManifestObject> = {}) {
  const object = {
    key: '',
    format: 'csv',
    dataset: 'groups',
    rows: 2,
    bytes: 0,
    sha256: '',
  } as const;
  const checked = checkCsv({ ...object, ...more }, NEWEST_VERSION);
  try {
    for (let start = 0; start < bytes.length; start += 7) {
      await checked.write(bytes.subarray(start, start + 7));
    }
    await checked.end();
    return null;
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    return `${error.code}: ${error.message}`;
  } finally {
    await checked.close();
  }
}

test('CSV as it is written is valid', async () => {
  expect(await check(gzipSync(NAMES + ROW + ROW))).toBe(null);
  expect(await check(gzipSync(NAMES), { rows: 0 })).toBe(null);
  const changes =
    'entity,kind,username,sub,group_name,replaced,since,changed,before,after\r\n' +
    'user,added,ana,,,false,20261120T020000Z,[],,"{""username"":""ana""}"\r\n';
  const none = { added: 0, modified: 0, removed: 0 };
  const counts = { users: { ...none, added: 1 }, groups: none, memberships: none };
  const part = { dataset: 'changes', rows: 1, changes: counts } as const;
  expect(await check(gzipSync(changes), part)).toBe(null);
  expect(await check(gzipSync(changes), { ...part, changes: { ...counts, users: none } })).toBe(
    'rows: It has 1 users that are added, and its manifest says 0.',
  );
});

describe('CSV that was sealed wrongly is found:', () => {
  const row = (from: string, to: string) => NAMES + ROW + ROW.replace(from, to);
  test.each([
    ['a row too few', NAMES + ROW, 'rows: It has 1 rows, and its manifest says 2.'],
    ['a row too many', NAMES + ROW.repeat(3), 'rows: It has 3 rows, and its manifest says 2.'],
    ['nothing', '', 'schema: It has no line of column names.'],
    ['no names', ROW + ROW, 'schema: It names other columns than the contract.'],
    ['a field too many', row(',,', ',,,'), 'schema: Row 2 has other columns than the contract.'],
    ['a blank line', `${NAMES}\r\n${ROW}`, 'schema: Row 1 has other columns than the contract.'],
    ['no end', (NAMES + ROW + ROW).slice(0, -2), 'schema: It does not end with a line break.'],
    ['another line break', (NAMES + ROW + ROW).replaceAll('\r\n', '\n'), 'schema: It names other'],
    ['a quote inside a field', row('admins', 'ad"mins'), 'schema: Row 2 is not valid CSV.'],
    ['a quote that is not closed', row('[]', '"[]'), 'schema: Row 2 is not valid CSV.'],
    ['a null key', row('admins', ''), 'schema: Row 2 has a wrong value of `group_name`.'],
    ['a text as number', row('1,', 'one,'), 'schema: Row 2 has a wrong value of `precedence`.'],
    ['a fraction', row('1,', '1.5,'), 'schema: Row 2 has a wrong value of `precedence`.'],
    [
      'a date as time',
      row('T03:04:05.678Z', ''),
      'schema: Row 2 has a wrong value of `created_at`.',
    ],
    ['no JSON', row('[]', '['), 'schema: Row 2 has a wrong value of `escaped`.'],
    ['other JSON', row('[]', '[1]'), 'schema: Row 2 has a wrong value of `escaped`.'],
    ['a null list', row('[]', ''), 'schema: Row 2 has a wrong value of `escaped`.'],
  ])('%s', async (_, text, problem) => {
    expect(await check(gzipSync(text))).toMatch(problem);
  });

  const whole = gzipSync(NAMES + ROW + ROW);
  test.each([
    ['a second member', Buffer.concat([whole, gzipSync('')]), 'appended: '],
    ['bytes after the member', Buffer.concat([whole, Buffer.from('x')]), 'appended: '],
    ['a member that is cut', whole.subarray(0, -4), 'truncated: '],
    ['no gzip', gunzipSync(whole), 'schema: '],
  ])('%s', async (_, bytes, problem) => {
    expect(await check(bytes)).toContain(problem);
  });
});
