import pg from 'pg';
import { ActionRequiredError, MirrorError, ResumableError } from '../model/errors.ts';
import { isTlsError } from '../model/tls-errors.ts';

/** A statement failed, and running it again changes nothing until its cause is removed. */
export class StatementError extends MirrorError {
  readonly code = 'statement_failed';
}

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
    const { passes, remedy } = explainSqlstate(error.code ?? '');
    if (!passes) return new StatementError(`${describe(error)} ${remedy}`);
    const words = [describe(error), remedy, 'Run it again to resume.'].filter(Boolean);
    return new ResumableError(words.join(' '));
  }
  if (LOST.test(error.message)) {
    return new ResumableError('The connection to Postgres was lost. Run it again to resume.');
  }
  return error;
}

function lacksRight(message: string): ActionRequiredError {
  const problem = `its role lacks a right (${message}).`;
  const remedy = 'Grant it: docs/OPERATIONS.md has the SQL for each role.';
  return new ActionRequiredError([{ subject: 'DATABASE_URL', problem, remedy }]);
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
  if (error instanceof pg.DatabaseError) return explainSqlstate(error.code ?? '').passes;
  if ('code' in error && (UNREACHABLE.test(String(error.code)) || isTlsError(error.code)))
    return true;
  return LOST.test(error.message);
}

/** What an error of Postgres means to the work that met it. */
export interface Meaning {
  /** True where the same statement can succeed later by itself; else a person must change something. */
  readonly passes: boolean;
  /** What a person does, in sentences; empty where waiting is all. */
  readonly remedy: string;
}

const SERVER_LOG = "The server's log has the details.";

const passing = (remedy = ''): Meaning => ({ passes: true, remedy });
const lasting = (remedy: string): Meaning => ({ passes: false, remedy });

const SCHEMA_CHANGED = lasting(
  'Something else changed or dropped a table, a function or rights of the mirror. Restore schemas `directory` and `mirror` together, or use an empty database.',
);
const ROWS_CHANGED = lasting(
  'Rows, constraints or triggers in schemas `directory` and `mirror` do not fit each other. Drop foreign keys and triggers that others added there.',
);

/** By SQLSTATE, or by its class: the first two characters (appendix A of Postgres's manual). */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  // Connection exceptions. 08P01 is also what PgBouncer says of a server that it cannot reach.
  '08': passing(),
  // A standby, or a primary that became one.
  '25006': passing('If it stays so, name the primary server in DATABASE_URL.'),
  // Timeouts that ended the transaction of a process that was frozen.
  '25P03': passing(),
  '25P04': passing(),
  '28': lasting('Correct the user and the password in DATABASE_URL.'),
  '3D': lasting('Create the database, or correct its name in DATABASE_URL.'),
  '3F': SCHEMA_CHANGED,
  // Conflicts with other transactions.
  '40': passing(),
  '40002': ROWS_CHANGED,
  '42': SCHEMA_CHANGED,
  // Insufficient resources. A full disk or memory takes a person; workers go on when it is done.
  '53': passing(),
  '53100': passing("Make room on the server's disk."),
  '53200': passing('Give the server more memory, or lower its load.'),
  '53300': passing(
    'Close other clients, or raise max_connections or the CONNECTION LIMIT of the role.',
  ),
  // An object in use, a lock that was not free.
  '55006': passing(),
  '55P03': passing(),
  // Somebody, or a timeout of the server, cancelled the statement or ended the session.
  '57014': passing(),
  '57P': passing(),
  '57P04': lasting('The database was dropped. Create it, or correct DATABASE_URL.'),
  // Errors outside of Postgres, such as input and output.
  '58': lasting(SERVER_LOG),
  '22': ROWS_CHANGED,
  '23': ROWS_CHANGED,
  P0: ROWS_CHANGED,
};

/** For codes that the table lacks: they may or may not pass. */
const UNKNOWN = lasting(`${SERVER_LOG} Report it if nothing there explains it.`);

/** What an SQLSTATE means: that of the code itself, else of the longest beginning in the table. */
export function explainSqlstate(code: string): Meaning {
  for (let length = code.length; length >= 2; length -= 1) {
    const meaning = MEANINGS[code.slice(0, length)];
    if (meaning !== undefined) return meaning;
  }
  return UNKNOWN;
}
