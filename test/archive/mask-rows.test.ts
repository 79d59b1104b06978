import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { maskRows } from '../../src/archive/mask-rows.ts';
import { privacyOf } from '../support/privacy.ts';
import { EMPTY, POOL, pool, rowsOf, user } from './support.ts';

const rules = { omit: ['phone_number'], hash: ['email'] };
const mask = privacyOf(POOL, { archive: rules }).archiveMask(null);
const since = { snapshot: '20261119T020000Z', sha256: '0'.repeat(64) };

const linesOf = (rows: string) =>
  rows
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test.each([1, 7, 1_000, 1_000_000])(
  'rows are hidden, whatever their chunks: %i bytes',
  async (bytes) => {
    const odd = user(5, { attributes: { sub: 's', name: 'Zoë 🦓\u2028"\\', phone_number: '+41' } });
    const datasets = { ...pool(5), users: [...pool(5).users, odd] };
    const rows = maskRows(rowsOf(datasets, bytes), mask);
    const users = await text(await rows.open('users'));
    expect(linesOf(users)).toEqual(datasets.users.map((row) => mask.hideRow(row as never)));
    expect(users).not.toContain('@example.com');
    expect(users).not.toContain('+41');
    expect(linesOf(await text(await rows.open('memberships')))).toEqual(datasets.memberships);
  },
);

test('the same rows give the same bytes', async () => {
  const read = async (bytes: number) =>
    text(await maskRows(rowsOf(pool(9), bytes), mask).open('users'));
  expect(await read(3)).toBe(await read(10_000));
});

test('changes of hidden attributes alone are left out', async () => {
  const attributes = { email: 'ana@example.com', phone_number: '+41' };
  const before = user(0, { attributes });
  const change = (changed: string[], after: object) => ({
    ...{ entity: 'user', kind: 'modified', changed, before },
    after: { ...before, ...after },
  });
  const changes = [
    change(['phone_number'], { attributes: { ...attributes, phone_number: '+42' } }),
    change(['phone_number', 'status'], { attributes: {}, status: 'UNCONFIRMED' }),
  ];
  const lines = changes.map((each) => `${JSON.stringify(each)}\n`);
  const rows = {
    ...rowsOf(EMPTY),
    openChanges: async () => ({
      before: { users: 1, groups: 0, memberships: 0 },
      rows: Readable.from(lines, { objectMode: false }),
    }),
  };
  const opened = await maskRows(rows, mask).openChanges(since);
  const shown = await text(opened?.rows as Readable);
  expect(linesOf(shown)).toMatchObject([{ changed: ['status'] }]);
  expect(shown).not.toContain('@example.com');
});

test('without rules, nothing is between', () => {
  const rows = rowsOf(pool(1));
  expect(maskRows(rows, privacyOf(POOL).archiveMask(null))).toBe(rows);
});

test('an error of the source reaches the reader, and the end of the reader the source', async () => {
  const rows = rowsOf(pool(50), 10);
  const source = await rows.open('users');
  const masked = await maskRows({ ...rows, open: async () => source }, mask).open('users');
  masked.once('error', () => {});
  source.destroy(new Error('lost'));
  await expect(text(masked)).rejects.toThrow('lost');

  const other = await rows.open('users');
  const stopped = await maskRows({ ...rows, open: async () => other }, mask).open('users');
  const closed = new Promise((resolve) => other.once('close', resolve));
  stopped.destroy();
  await closed;
});
