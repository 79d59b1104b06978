import pg from 'pg';
import { MirrorError, ResumableError } from '../model/errors.ts';

/**
 * SQLSTATE classes whose messages speak of the server alone (appendix A of Postgres's manual):
 * connections, resources, intervention by an operator, system errors. Others may quote values.
 */
const OF_THE_SERVER = /^(08|53|57|58)/;

/**
 * What an error that ended a step means to a person, where Postgres is its cause. Its own texts
 * can quote a row, and a row is a person: of those, the condition and the table alone are kept.
 */
export function withoutRows(error: Error): Error {
  if (error instanceof MirrorError) return error;
  if (error instanceof pg.DatabaseError) {
    const { code = '', message, constraint, table } = error;
    const what = OF_THE_SERVER.test(code)
      ? message
      : `a statement failed${table ? ` on ${table}` : ''}${constraint ? ` (${constraint})` : ''}`;
    return new ResumableError(`Postgres: ${what} [SQLSTATE ${code}]. Run it again to resume.`);
  }
  if (/^Connection terminated|^timeout exceeded when trying to connect/.test(error.message)) {
    return new ResumableError('The connection to Postgres was lost. Run it again to resume.');
  }
  return error;
}
