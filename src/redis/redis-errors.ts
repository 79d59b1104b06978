import { NoAnswerError } from '../common/bounded.ts';
import { explainTls } from '../model/tls-errors.ts';

/** Why Redis cannot be used. */
export interface RedisProblem {
  /** What is wrong, as one sentence without a subject. */
  readonly problem: string;
  /** The fix, as a command or a setting. */
  readonly remedy: string;
  /** True where waiting can help. */
  readonly passing: boolean;
}

/** An error and what it happened to, as far as it is known. */
export interface Occasion {
  /** The user of REDIS_URL; `default` without one. */
  readonly user: string;
  /** The command in upper case, or several. Empty for a connection. */
  readonly commands: readonly string[];
}

/** Redis's first words for a state in which it takes no commands, or not these. */
const REFUSALS =
  /^(-?ERR max number of clients|OOM|NOPERM|NOAUTH|WRONGPASS|MISCONF|READONLY|NOREPLICAS|MASTERDOWN|LOADING|BUSY|CLUSTERDOWN|TRYAGAIN|WRONGTYPE)\b/;
/** The same, as an error of a script. Redis 6.2, 7 and Valkey word it each in their own way. */
const REFUSED_IN_SCRIPT =
  /user executing the script can't|ACL failure in script|Unknown Redis command|\b(OOM|MISCONF|NOREPLICAS) /;
const UNKNOWN_COMMAND = /^ERR unknown (sub)?command/i;

/** True where Redis refuses a command for a reason that lies in the server, not in the command. */
export function isRefusal(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { message } = error;
  return REFUSALS.test(message) || REFUSED_IN_SCRIPT.test(message) || UNKNOWN_COMMAND.test(message);
}

/** True for an error of a connection that broke, or was never made; ioredis makes it again. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = firstCause(error);
  return (
    (typeof code === 'string' && /^E(?!RR_)[A-Z_]+$/.test(code)) ||
    /^(Connection is closed|Command aborted|Socket timeout|Stream isn't writeable)/.test(
      error.message,
    )
  );
}

const passing = (problem: string, remedy: string): RedisProblem => ({
  problem,
  remedy,
  passing: true,
});
const lasting = (problem: string, remedy: string): RedisProblem => ({
  problem,
  remedy,
  passing: false,
});

export const SILENT = lasting(
  'the server does not answer.',
  'Check that it is a Redis, that the URL says rediss: if it speaks TLS, and that this machine reaches it.',
);

/** The command that failed with this error, in upper case; none where a connection failed. */
export function listCommands(error: Error): readonly string[] {
  return 'command' in error ? [(error.command as { name: string }).name.toUpperCase()] : [];
}

/** Explains an error of a connection or a command, by Redis's first words or Node's error code. */
export function explain(error: Error, occasion: Occasion): RedisProblem {
  const { code, message } = firstCause(error);
  const names = nameCommands(occasion.commands);
  if (error instanceof NoAnswerError) return SILENT;
  if (/max number of clients/.test(message)) {
    return passing(
      'the server has no connection left (maxclients).',
      'Close other clients, or raise it: `CONFIG SET maxclients 10000` and the same in its configuration. A worker needs 6 connections, a `sync` 3.',
    );
  }
  if (/\bOOM\b/.test(message)) {
    return passing(
      'its memory is full (OOM), so it refuses writes.',
      'Delete what other programs keep there, or give it more: `CONFIG SET maxmemory BYTES` and the same in its configuration.',
    );
  }
  if (/\bMISCONF\b/.test(message)) {
    return passing(
      'it refuses writes, as it cannot save its data to disk (MISCONF).',
      'Free its disk and check its log; its own message names the cause: `redis-cli INFO persistence`.',
    );
  }
  if (/\bNOREPLICAS\b/.test(message)) {
    return passing(
      'it refuses writes, as too few replicas are connected (NOREPLICAS).',
      'Connect them, or run `CONFIG SET min-replicas-to-write 0`.',
    );
  }
  if (/DB index/.test(message)) {
    return lasting('there is no such database.', 'Name one that there is: redis://HOST:PORT/0.');
  }
  if (/RESP type/.test(message)) {
    return lasting('what answers there is no Redis.', 'Correct host and port.');
  }
  if (UNKNOWN_COMMAND.test(message) || /Unknown Redis command/.test(message)) {
    return lasting(
      `the server does not know the ${names} (renamed or disabled).`,
      `Remove its \`rename-command\` from the server's configuration, or use a server that has it.`,
    );
  }
  if (/^NOPERM|user executing the script can't|ACL failure in script/.test(message)) {
    return explainRights(message, occasion);
  }
  if (message.startsWith('WRONGTYPE')) {
    return lasting(
      `a key of ours holds another program's data (WRONGTYPE for the ${names}).`,
      'Give the mirror a database of its own: redis://HOST:PORT/1.',
    );
  }
  const kind = typeof code === 'string' ? code : (message.split(' ')[0] ?? '');
  switch (kind) {
    case 'ECONNREFUSED':
      return passing('nothing listens there.', 'Start Redis, or correct host and port.');
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return passing('the host name is unknown.', 'Correct it, or the name service.');
    case 'ECONNRESET':
    case 'EPIPE':
      return passing(
        `the server closes new connections (${kind}).`,
        'Check that it has connections left (`maxclients`), that the URL says rediss: if it speaks TLS, and that no proxy cuts them.',
      );
    case 'WRONGPASS':
      return lasting(
        'the server refuses this user or password.',
        'Correct them: redis://USER:PASSWORD@HOST:PORT.',
      );
    case 'NOAUTH':
      return lasting(
        'the server asks for a password.',
        'Put it into the URL: redis://:PASSWORD@HOST:PORT.',
      );
    case 'READONLY':
      return lasting('the server is a replica, which takes no writes.', 'Name the primary.');
    case 'LOADING':
    case 'MASTERDOWN':
    case 'BUSY':
    case 'CLUSTERDOWN':
    case 'TRYAGAIN':
      return passing(`the server is not ready yet (${kind}).`, 'Try again shortly.');
    default: {
      const tls = explainTls(code, 'NODE_EXTRA_CA_CERTS=FILE in the environment');
      if (tls !== null) return { ...tls, passing: false };
      if ('command' in error) {
        return lasting(
          `the server refuses the ${names} (${withoutArguments(message)}).`,
          'Use Redis 6.2 or newer, or Valkey.',
        );
      }
      return passing(
        `no connection could be made (${message}).`,
        'Check that the server is a Redis, that the URL says rediss: if it speaks TLS, and that this machine reaches it.',
      );
    }
  }
}

/** What a user of Redis lacks: a channel, a key, or a command. */
function explainRights(message: string, { user, commands }: Occasion): RedisProblem {
  const names = nameCommands(commands);
  if (/channel/.test(message)) {
    return lasting(
      `the user ${user} has no right to the mirror's channels (NOPERM for the ${names}).`,
      `Run \`ACL SETUSER ${user} &*\`, or allow \`&cognito-mirror/*\`.`,
    );
  }
  if (/\bkeys?\b/.test(message)) {
    return lasting(
      `the user ${user} has no right to the mirror's keys (NOPERM for the ${names}).`,
      `Run \`ACL SETUSER ${user} ~*\`, or allow \`~{cognito-mirror:* ~cognito-mirror/*\`.`,
    );
  }
  const rights = commands.map((name) => `+${name.toLowerCase()}`);
  // A script's error does not always name the command within it.
  const inScript = !message.startsWith('NOPERM');
  return lasting(
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

/** Redis quotes what it was sent, and that may be a password. */
function withoutArguments(message: string): string {
  return message.replace(/,? with args beginning with.*$/s, '');
}

/** A host with several addresses fails with one error that holds one for each. */
function firstCause(error: Error): { code: unknown; message: string } {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return { code: undefined, message: String(first) };
  return { code: 'code' in first ? first.code : undefined, message: first.message };
}
