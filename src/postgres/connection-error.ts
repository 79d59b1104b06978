import { findFirstError } from '../common/system.ts';
import { explainTls } from '../model/tls-errors.ts';

interface ConnectionProblem {
  readonly problem: string;
  readonly remedy: string;
}

/** The code of the error if the server asks for a password and there is none. */
export const NO_PASSWORD = 'NO_PASSWORD';

/** Explains a failed connection by SQLSTATE (appendix A of Postgres's manual) or by Node's error code. */
export function explainConnection(error: unknown): ConnectionProblem {
  const cause = findFirstError(error);
  const { code, message } = cause;
  switch (code) {
    case 'ECONNREFUSED':
      return {
        problem: 'no server listens at this address.',
        remedy: 'Start the server, or correct the host and the port.',
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { problem: 'the host name is unknown.', remedy: 'Correct the host name, or fix DNS.' };
    case '28P01':
    case '28000':
      if (LACKS_TLS.test(message)) {
        return {
          problem: 'the server accepts this user over TLS only.',
          remedy: 'Add sslmode=verify-full to the URL, and sslrootcert=FILE for a private CA.',
        };
      }
      return {
        problem: 'the server refuses this user or password.',
        remedy: "Correct them, or the server's pg_hba.conf.",
      };
    case NO_PASSWORD:
      return {
        problem: 'the server asks for a password, and the URL has none.',
        remedy: 'Add it: postgres://user:PASSWORD@host/database.',
      };
    case '3D000':
      return {
        problem: 'the database does not exist.',
        remedy: 'Create it (`createdb NAME`), or correct the name.',
      };
    case '42501':
      return {
        problem: 'the user may not connect to this database.',
        remedy: 'GRANT CONNECT to it, or name another user.',
      };
    case '53300':
      return {
        problem: 'no connection became free for this role within a minute.',
        remedy:
          'Close other clients, or raise the limit: max_connections of the server, CONNECTION LIMIT of the role or the database.',
      };
    case '57P03':
      return { problem: 'the server is starting or stopping.', remedy: 'Try again shortly.' };
    case '08P01':
    case '0A000':
      return {
        problem: `the server, or a pooler before it, refuses the connection (${message}).`,
        remedy: OPTIONS.test(message)
          ? 'Remove `options` from the URL, or connect to Postgres directly.'
          : "See the pooler's log, or connect to Postgres directly.",
      };
    default:
      return (
        explainTls(code, AUTHORITY) ??
        explainDriver(message) ??
        explainFile(cause) ?? {
          problem: `the connection failed (${message}).`,
          remedy: 'Check that the server runs and that this machine can reach it.',
        }
      );
  }
}

/** In messages of poolers, which do not accept the startup parameter `options` of a URL. */
const OPTIONS = /\boptions\b/;

/** How a URL names the file of a CA. */
const AUTHORITY = 'sslrootcert=FILE in the URL';

/** The end of the server's message; `SSL off` is the wording before Postgres 14. */
const LACKS_TLS = /, (no encryption|SSL off)$/;

/** The driver's own errors have no code. */
function explainDriver(message: string): ConnectionProblem | null {
  switch (message) {
    case 'The server does not support SSL connections':
      return {
        problem: 'the URL asks for TLS, which the server does not support.',
        remedy: 'Turn on `ssl` at the server.',
      };
    case 'Query read timeout':
      return {
        problem: 'a pooler accepts connections, but opened none to Postgres within 10 seconds.',
        remedy: "Close other clients, or raise the pooler's pool_size.",
      };
    default:
      return null;
  }
}

/** Errors for a file that the URL names. */
function explainFile({ code, path, syscall }: NodeJS.ErrnoException): ConnectionProblem | null {
  if (syscall !== 'open' && syscall !== 'read') return null;
  return {
    problem: `the file ${path ?? 'of a certificate'} cannot be read (${code}).`,
    remedy: 'Correct sslrootcert, sslcert or sslkey in the URL.',
  };
}
