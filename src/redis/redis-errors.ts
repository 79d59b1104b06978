import { NoAnswerError } from '../common/bounded.ts';
import { findFirstError } from '../common/system.ts';
import { explainTls } from '../model/tls-errors.ts';

/** Why Redis cannot be used. */
export interface RedisProblem {
  /** What is wrong, in one sentence. */
  readonly problem: string;
  /** The fix, as a command or a setting. */
  readonly remedy: string;
  /** True if waiting can help. */
  readonly temporary: boolean;
}

/** What an error happened to. */
interface Occasion {
  /** The user of REDIS_URL, or `default`. */
  readonly user: string;
  /** Commands in upper case. Empty for a connection. */
  readonly commands: readonly string[];
}

/** How Redis starts a message about a state in which it refuses commands, or some of them. */
const REFUSALS =
  /^(-?ERR max number of clients|OOM|NOPERM|NOAUTH|WRONGPASS|MISCONF|READONLY|NOREPLICAS|MASTERDOWN|LOADING|BUSY|CLUSTERDOWN|TRYAGAIN|WRONGTYPE)\b/;
/** The same as the error of a script. Redis 6.2, Redis 7 and Valkey have different texts. */
const REFUSED_IN_SCRIPT =
  /user executing the script can't|ACL failure in script|Unknown Redis command|\b(OOM|MISCONF|NOREPLICAS) /;
const UNKNOWN_COMMAND = /^ERR unknown (sub)?command/i;

/** True if Redis refuses a command because of its own state or settings. */
export function isRefusal(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { message } = error;
  return REFUSALS.test(message) || REFUSED_IN_SCRIPT.test(message) || UNKNOWN_COMMAND.test(message);
}

/** True if the server does not have a command, or the user may not run it. */
export function isForbidden(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return error.message.startsWith('NOPERM') || UNKNOWN_COMMAND.test(error.message);
}

/** True if Redis still loads its data after a start: it is not back yet, and refuses nothing for long. */
export function isLoading(error: Error): boolean {
  return error.message.startsWith('LOADING');
}

/** True if the connection broke or was not established. ioredis reconnects. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = findFirstError(error);
  return (
    (typeof code === 'string' && /^E(?!RR_)[A-Z_]+$/.test(code)) ||
    /^(Connection is closed|Command aborted|Socket timeout|Stream isn't writeable)/.test(
      error.message,
    )
  );
}

const temporary = (problem: string, remedy: string): RedisProblem => ({
  problem,
  remedy,
  temporary: true,
});
const permanent = (problem: string, remedy: string): RedisProblem => ({
  problem,
  remedy,
  temporary: false,
});

export const SILENT = permanent(
  'the server does not answer.',
  'Check that it is Redis, that the URL starts with rediss: if it uses TLS, and that this machine can reach it.',
);

/** The command that failed with this error, in upper case. Empty if a connection failed. */
export function listCommands(error: Error): readonly string[] {
  return 'command' in error ? [(error.command as { name: string }).name.toUpperCase()] : [];
}

/** Explains an error of a connection or a command, by Redis's message or Node's error code. */
export function explainRedisError(error: Error, occasion: Occasion): RedisProblem {
  const { code, message } = findFirstError(error);
  const names = nameCommands(occasion.commands);
  if (error instanceof NoAnswerError) return SILENT;
  if (/max number of clients/.test(message)) {
    return temporary(
      'the server has reached its connection limit (maxclients).',
      'Close other clients, or raise the limit: `CONFIG SET maxclients 10000`, and in its configuration file. A worker needs 6 connections, a `sync` 3.',
    );
  }
  if (/\bOOM\b/.test(message)) {
    return temporary(
      'the server refuses writes because its memory is full (OOM).',
      'Delete data of other programs, or raise the limit: `CONFIG SET maxmemory BYTES`, and in its configuration file.',
    );
  }
  if (/\bMISCONF\b/.test(message)) {
    return temporary(
      'the server refuses writes because it cannot save its data to disk (MISCONF).',
      'Free disk space and check the log of the server. `redis-cli INFO persistence` shows the state.',
    );
  }
  if (/\bNOREPLICAS\b/.test(message)) {
    return temporary(
      'the server refuses writes because too few replicas are connected (NOREPLICAS).',
      'Connect replicas, or run `CONFIG SET min-replicas-to-write 0`.',
    );
  }
  if (/DB index/.test(message)) {
    return permanent('the database does not exist.', 'Use an existing one: redis://HOST:PORT/0.');
  }
  if (/RESP type/.test(message)) {
    return permanent('the server is not Redis.', 'Correct the host and port.');
  }
  if (UNKNOWN_COMMAND.test(message) || /Unknown Redis command/.test(message)) {
    return permanent(
      `the server does not have the ${names} (renamed or disabled).`,
      'Remove `rename-command` from the configuration of the server, or use a server with this command.',
    );
  }
  if (/^NOPERM|user executing the script can't|ACL failure in script/.test(message)) {
    return explainRights(message, occasion);
  }
  if (message.startsWith('WRONGTYPE')) {
    return permanent(
      `a key of the mirror holds data of another program (WRONGTYPE for the ${names}).`,
      'Give the mirror its own database: redis://HOST:PORT/1.',
    );
  }
  const kind = typeof code === 'string' ? code : (message.split(' ')[0] ?? '');
  switch (kind) {
    case 'ECONNREFUSED':
      return temporary('no server listens there.', 'Start Redis, or correct the host and port.');
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return temporary('the host name is unknown.', 'Correct the host name, or fix DNS.');
    case 'ECONNRESET':
    case 'EPIPE':
      return temporary(
        `the server closes new connections (${kind}).`,
        'Check its connection limit (`maxclients`), that the URL starts with rediss: if it uses TLS, and that no proxy cuts connections.',
      );
    case 'WRONGPASS':
      return permanent(
        'the server rejects this user or password.',
        'Correct the URL: redis://USER:PASSWORD@HOST:PORT.',
      );
    case 'NOAUTH':
      return permanent(
        'the server requires a password.',
        'Add it to the URL: redis://:PASSWORD@HOST:PORT.',
      );
    case 'READONLY':
      return permanent(
        'the server is a replica, which refuses writes.',
        'Use the URL of the primary.',
      );
    case 'LOADING':
    case 'MASTERDOWN':
    case 'BUSY':
    case 'CLUSTERDOWN':
    case 'TRYAGAIN':
      return temporary(`the server is not ready yet (${kind}).`, 'Try again shortly.');
    default: {
      const tls = explainTls(code, 'NODE_EXTRA_CA_CERTS=FILE in the environment');
      if (tls !== null) return { ...tls, temporary: false };
      if ('command' in error) {
        return permanent(
          `the server refuses the ${names} (${removeArguments(message)}).`,
          'Use Redis 6.2 or newer, or Valkey.',
        );
      }
      return temporary(
        `the connection failed (${message}).`,
        'Check that the server is Redis, that the URL starts with rediss: if it uses TLS, and that this machine can reach it.',
      );
    }
  }
}

/** Names the right that a user lacks: to channels, keys or commands. */
function explainRights(message: string, { user, commands }: Occasion): RedisProblem {
  const names = nameCommands(commands);
  if (/channel/.test(message)) {
    return permanent(
      `the user ${user} lacks the right to the mirror's channels (NOPERM for the ${names}).`,
      `Run \`ACL SETUSER ${user} &*\`, or allow \`&cognito-mirror/*\`.`,
    );
  }
  if (/\bkeys?\b/.test(message)) {
    return permanent(
      `the user ${user} lacks the right to the mirror's keys (NOPERM for the ${names}).`,
      `Run \`ACL SETUSER ${user} ~*\`, or allow \`~{cognito-mirror:* ~cognito-mirror/*\`.`,
    );
  }
  const rights = commands.map((name) => `+${name.toLowerCase()}`);
  // The error of a script does not always name the command within it.
  const inScript = !message.startsWith('NOPERM');
  return permanent(
    inScript
      ? `the user ${user} may not run a command of the mirror's scripts (NOPERM).`
      : `the user ${user} may not run the ${names} (NOPERM).`,
    `Run \`ACL SETUSER ${user} ${inScript || rights.length > MOST_NAMED ? '+@all' : rights.join(' ')}\`.`,
  );
}

const MOST_NAMED = 8;

function nameCommands(commands: readonly string[]): string {
  if (commands.length === 0) return 'connection';
  const shown = commands.slice(0, MOST_NAMED).join(', ');
  const more = commands.length > MOST_NAMED ? ` and ${commands.length - MOST_NAMED} more` : '';
  return `${commands.length === 1 ? 'command' : 'commands'} ${shown}${more}`;
}

/** Redis quotes arguments, and one may be a password. */
function removeArguments(message: string): string {
  return message.replace(/,? with args beginning with.*$/s, '');
}
