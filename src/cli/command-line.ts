import { basename, delimiter, dirname, isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quoteWord } from '../common/command.ts';
import { isFromFile } from './environment-file.ts';

const NAME = 'cognito-mirror';

/** Beside src and dist. */
const PROGRAM_FILE = fileURLToPath(new URL('../../bin/cognito-mirror.mjs', import.meta.url));

/** What else decides which database and archive a command works with. Some hold passwords. */
const NOT_SHOWN = ['DATABASE_URL', 'REDIS_URL', 'ARCHIVE_URL', 'MIRROR_CONFIG'];

/** How this process was started. */
export interface Started {
  readonly env: NodeJS.ProcessEnv;
  /** The script's path as Node reports it, without resolving links. */
  readonly script: string | undefined;
  readonly folder: () => string;
}

const HERE: Started = {
  // The next command reads the file too.
  get env() {
    return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isFromFile(name)));
  },
  script: process.argv[1],
  folder: () => process.cwd(),
};

/**
 * A command of this program as a person can paste it into a shell: started as this process was, with
 * its MIRROR_HOME. Words are quoted if they need it.
 */
export function commandLine(args: readonly string[], started: Started = HERE): string {
  const home = started.env['MIRROR_HOME']?.trim();
  const words = [program(started), ...args.map(quoteWord)];
  return (home ? [`MIRROR_HOME=${quoteWord(home)}`, ...words] : words).join(' ');
}

/**
 * The same on its own line, which also names the variables that it needs from the shell. Their values
 * are not shown. They are not in a comment, because interactive zsh accepts none.
 */
export function commandHint(args: readonly string[], started: Started = HERE): string {
  const needed = NOT_SHOWN.filter((name) => started.env[name]?.trim());
  return [...needed.map((name) => `${name}="$${name}"`), commandLine(args, started)].join(' ');
}

function program({ env, script, folder }: Started): string {
  // npx adds its own folders to PATH; other shells do not have them.
  const isByNpx = env['npm_command'] === 'exec';
  if (!isByNpx && script !== undefined && basename(script) === NAME) {
    const isOnPath = (env['PATH'] ?? '').split(delimiter).includes(dirname(script));
    return isOnPath ? NAME : quoteWord(script);
  }
  return `node ${quoteWord(fromHere(PROGRAM_FILE, folder))}`;
}

/** The path relative to the working folder if it is below it, otherwise the full path. */
function fromHere(path: string, folder: () => string): string {
  try {
    const short = relative(folder(), path);
    return short.startsWith('..') || isAbsolute(short) ? path : short;
  } catch {
    // The working folder was deleted.
    return path;
  }
}

/** A text of the program, with its commands as they must be typed here. */
export function localizeCommands(text: string): string {
  return text.replaceAll(/`cognito-mirror (?=[a-z])/g, () => `\`${commandLine([])} `);
}
