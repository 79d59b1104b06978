import pg from 'pg';
import { ConfigurationError, MirrorError, ResumableError } from '../model/errors.ts';
import { isOfTls } from '../model/tls-trouble.ts';
import { meaningOf } from './sqlstates.ts';

/** A statement failed, and running it again changes nothing until its cause is removed. */
export class StatementError extends MirrorError {}

/**
 * SQLSTATE classes whose messages speak of the server alone (appendix A of Postgres's manual):
 * connections, resources, intervention by an operator, system errors. Others may quote values.
 */
const OF_THE_SERVER = /^(08|53|57|58)/;

/** Its text names a table or a schema, and quotes no row. */
const INSUFFICIENT_PRIVILEGE = '42501';

/** What the driver says, without a code, of a connection that is lost or cannot be had. */
const LOST =
  /^Connection terminated|^timeout expired$|^timeout exceeded when|^Query read timeout$|^Client (was closed|has encountered a connection error)/;

/**
 * What an error that ended a step means to a person, where Postgres is its cause. Its own texts
 * can quote a row, and a row is a person: of those, the condition and the table alone are kept.
 */
export function withoutRows(error: Error): Error {
  if (error instanceof MirrorError) return error;
  if (error instanceof pg.DatabaseError) {
    if (error.code === INSUFFICIENT_PRIVILEGE) return lacksRight(error.message);
    const { passes, remedy } = meaningOf(error.code ?? '');
    if (!passes) return new StatementError(`${describe(error)} ${remedy}`);
    const words = [describe(error), remedy, 'Run it again to resume.'].filter(Boolean);
    return new ResumableError(words.join(' '));
  }
  if (LOST.test(error.message)) {
    return new ResumableError('The connection to Postgres was lost. Run it again to resume.');
  }
  return error;
}

function lacksRight(message: string): ConfigurationError {
  const problem = `its role lacks a right (${message}).`;
  const remedy = 'Grant it: docs/OPERATIONS.md has the SQL for each role.';
  return new ConfigurationError([{ subject: 'DATABASE_URL', problem, remedy }]);
}

function describe({ code = '', message, constraint, table }: pg.DatabaseError): string {
  const what = OF_THE_SERVER.test(code)
    ? message
    : `a statement failed${table ? ` on ${table}` : ''}${constraint ? ` (${constraint})` : ''}`;
  return `Postgres: ${what} [SQLSTATE ${code}].`;
}

/** Node's codes of a connection that cannot be made, or is lost. */
const UNREACHABLE = /^(ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/;

/** True where what failed passes by itself: Postgres cannot be reached, or not do it just now. */
export function isDatabaseAway(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isDatabaseAway);
  if (!(error instanceof Error)) return false;
  if (error instanceof pg.DatabaseError) return meaningOf(error.code ?? '').passes;
  if ('code' in error && (UNREACHABLE.test(String(error.code)) || isOfTls(error.code))) return true;
  return LOST.test(error.message);
}
