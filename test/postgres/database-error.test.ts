import pg from 'pg';
import { expect, test } from 'vitest';
import { ActionRequiredError, ResumableError } from '../../src/model/errors.ts';
import {
  isTemporaryDatabaseError,
  StatementError,
  withoutRows,
} from '../../src/postgres/database-error.ts';

function failure(code: string, message = 'Jane Doe'): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError(message, 0, 'error'), { code, table: 'users' });
}

test.each([
  '08006',
  '08P01',
  '25006',
  '25P03',
  '25P04',
  '40001',
  '40P01',
  '53100',
  '53300',
  '55P03',
  '57014',
  '57P01',
  '57P03',
  '57P05',
])('%s is temporary: workers wait for it, and a person may run it again', (code) => {
  expect(isTemporaryDatabaseError(failure(code))).toBe(true);
  const error = withoutRows(failure(code));
  expect(error).toBeInstanceOf(ResumableError);
  expect(error.message).toMatch(new RegExp(`SQLSTATE ${code}\\].*Run it again to resume\\.$`));
});

test.each([
  '0A000',
  '22021',
  '23502',
  '23503',
  '23505',
  '28P01',
  '3F000',
  '40002',
  '42703',
  '42P01',
  '42P06',
  '54000',
  '55000',
  '57P04',
  '58030',
  'P0001',
  'XX000',
  'XX001',
  '99999',
  '',
])('%s lasts: its message does not advise to run it again', (code) => {
  expect(isTemporaryDatabaseError(failure(code))).toBe(false);
  const error = withoutRows(failure(code));
  expect(error).toBeInstanceOf(StatementError);
  expect(error.message).toMatch(/^Postgres: .+\[SQLSTATE \w*\]\. .+\.$/);
  expect(error.message).not.toMatch(/again/);
});

test('names what a person can do', () => {
  const remedy = (code: string) => withoutRows(failure(code)).message;
  expect(remedy('53100')).toMatch(/Free space on the server's disk\. Run it again/);
  expect(remedy('23503')).toMatch(/Drop foreign keys and triggers/);
  expect(remedy('42P01')).toMatch(/Restore schemas `directory` and `mirror` together/);
  expect(remedy('XX001')).toMatch(/server's log/);
  expect(withoutRows(failure('42501', 'permission denied for table users'))).toBeInstanceOf(
    ActionRequiredError,
  );
});

test('texts that can quote a row are left out', () => {
  for (const code of ['22P02', '23505', '42883', 'P0001', 'XX000']) {
    expect(withoutRows(failure(code)).message).not.toContain('Jane');
  }
});
