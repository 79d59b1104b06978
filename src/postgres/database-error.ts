import pg from 'pg';
import { ActionRequiredError, MirrorError, ResumableError } from '../model/errors.ts';
import { isTlsError } from '../model/tls-errors.ts';

/** A statement failed, and fails again until a person removes the cause. */
export class StatementError extends MirrorError {
  readonly code = 'statement_failed';
}

/**
 * SQLSTATE classes whose messages are about the server only (appendix A of Postgres's manual):
 * connections, resources, intervention by an operator, system errors. Other messages may quote values.
 */
const ABOUT_SERVER = /^(08|53|57|58)/;

/** Its message names a table or a schema, and quotes no row. */
export const INSUFFICIENT_PRIVILEGE = '42501';

/** Messages of the driver, without a code, for a lost connection or one that cannot be made. */
const LOST =
  /^Connection terminated|^timeout expired$|^timeout exceeded when|^Query read timeout$|^Client (was closed|has encountered a connection error)/;

/**
 * Explains an error of Postgres that ended a step. Its messages can quote a row, which is personal data:
 * of such a message only the SQLSTATE, the table and the constraint are kept. Other errors stay as they
 * are.
 */
export function withoutRows(error: Error): Error {
  if (error instanceof MirrorError) return error;
  if (error instanceof pg.DatabaseError) {
    if (error.code === INSUFFICIENT_PRIVILEGE) return explainMissingRight(error.message);
    const { isTemporary, remedy } = explainSqlstate(error.code ?? '');
    if (!isTemporary) return new StatementError(`${describe(error)} ${remedy}`);
    const words = [describe(error), remedy, 'Run it again to resume.'].filter(Boolean);
    return new ResumableError(words.join(' '));
  }
  if (LOST.test(error.message)) {
    return new ResumableError('The connection to Postgres was lost. Run it again to resume.');
  }
  return error;
}

/**
 * What went wrong, in a text that may be logged, stored and shown to everybody. Errors of other programs
 * can quote anything, such as names of people: only the names of such errors are used.
 */
export function describeSafely(error: unknown): string {
  const known = withoutRows(error instanceof Error ? error : new Error('not an error'));
  if (known instanceof MirrorError) return known.message;
  return `It failed unexpectedly (${known.name}). The log has the error.`;
}

function explainMissingRight(message: string): ActionRequiredError {
  const problem = `its role lacks a privilege (${message}).`;
  const remedy = 'Grant it: docs/OPERATIONS.md has the SQL for each role.';
  return ActionRequiredError.of('DATABASE_URL', problem, remedy);
}

function describe({ code = '', message, constraint, table }: pg.DatabaseError): string {
  const what = ABOUT_SERVER.test(code)
    ? message
    : `a statement failed${table ? ` on ${table}` : ''}${constraint ? ` (${constraint})` : ''}`;
  return `Postgres: ${what} [SQLSTATE ${code}].`;
}

/** Node's codes for a connection that is lost or cannot be made. */
const UNREACHABLE = /^(ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/;

/** True if an error is temporary: Postgres cannot be reached, or cannot do the work now. */
export function isTemporaryDatabaseError(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isTemporaryDatabaseError);
  if (!(error instanceof Error)) return false;
  if (error instanceof pg.DatabaseError) return explainSqlstate(error.code ?? '').isTemporary;
  if ('code' in error && (UNREACHABLE.test(String(error.code)) || isTlsError(error.code)))
    return true;
  return LOST.test(error.message);
}

/** What an SQLSTATE means for the statement that failed. */
interface Meaning {
  /** True if the same statement can succeed later. Else a person must change something first. */
  readonly isTemporary: boolean;
  /** What a person can do, in sentences; empty if only waiting helps. */
  readonly remedy: string;
}

const SERVER_LOG = "The server's log has the details.";

const temporary = (remedy = ''): Meaning => ({ isTemporary: true, remedy });
const permanent = (remedy: string): Meaning => ({ isTemporary: false, remedy });

const SCHEMA_CHANGED = permanent(
  'Something else changed or dropped a table, a function or privileges of the mirror. Restore schemas `directory` and `mirror` together, or use an empty database.',
);
const ROWS_CHANGED = permanent(
  'Rows, constraints or triggers in schemas `directory` and `mirror` contradict each other. Drop foreign keys and triggers that others added there.',
);

/** By SQLSTATE, or by its class: the first two characters (appendix A of Postgres's manual). */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  // Connection exceptions. PgBouncer uses 08P01 if it cannot reach the server.
  '08': temporary(),
  // A standby, perhaps a former primary.
  '25006': temporary('If this repeats, set DATABASE_URL to the primary server.'),
  // Timeouts that end the transaction of a frozen process.
  '25P03': temporary(),
  '25P04': temporary(),
  '28': permanent('Correct the user and the password in DATABASE_URL.'),
  '3D': permanent('Create the database, or correct its name in DATABASE_URL.'),
  '3F': SCHEMA_CHANGED,
  // Conflicts with other transactions.
  '40': temporary(),
  '40002': ROWS_CHANGED,
  '42': SCHEMA_CHANGED,
  // Insufficient resources. A person must free disk or memory, then workers continue.
  '53': temporary(),
  '53100': temporary("Free space on the server's disk."),
  '53200': temporary('Give the server more memory, or lower its load.'),
  '53300': temporary(
    'Close other clients, or raise max_connections or the CONNECTION LIMIT of the role.',
  ),
  // An object in use, or a lock held by another session.
  '55006': temporary(),
  '55P03': temporary(),
  // A person or a timeout of the server cancelled the statement or ended the session.
  '57014': temporary(),
  '57P': temporary(),
  '57P04': permanent('The database was dropped. Create it, or correct DATABASE_URL.'),
  // Errors outside Postgres, such as input and output.
  '58': permanent(SERVER_LOG),
  '22': ROWS_CHANGED,
  '23': ROWS_CHANGED,
  P0: ROWS_CHANGED,
};

/** For codes that are not in the table: they may or may not pass. */
const UNKNOWN = permanent(`${SERVER_LOG} Report it if nothing there explains it.`);

/** Finds the meaning of the code, or of its longest prefix in the table. */
function explainSqlstate(code: string): Meaning {
  for (let length = code.length; length >= 2; length -= 1) {
    const meaning = MEANINGS[code.slice(0, length)];
    if (meaning !== undefined) return meaning;
  }
  return UNKNOWN;
}
