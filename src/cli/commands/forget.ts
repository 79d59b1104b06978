import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { ActionRequiredError, type Forgotten, loadOptions } from '../../index.ts';
import { EXIT } from '../errors.ts';
import { outputWidth, writeJson, writeNote } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { QUICKLY, withSignals } from '../signals.ts';

interface ForgetOptions {
  readonly file?: string;
  readonly suppress?: boolean;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly scrub?: boolean;
  readonly json?: boolean;
}

/** `forget`: removes persons from the database and the archive. */
export function forgetCommand(): Command {
  return new Command('forget')
    .description('remove persons from the database and every archived snapshot')
    .argument('<pool>', "the pool's id, ARN or name")
    .argument('[user...]', 'usernames or subs')
    .option('--file <path>', 'a file with a username or sub on each line')
    .option('--suppress', 'leave them out of later snapshots (needs MIRROR_HASH_KEY)')
    .option('--reason <text>', 'why, for the receipt; it must not name the person')
    .option('--dry-run', 'write and delete nothing; show what would be removed')
    .option('--scrub', 'also rewrite the tables of Postgres, each locked meanwhile')
    .option('--json', 'print one JSON document')
    .action((pool: string, users: string[], options: ForgetOptions) =>
      withSignals((signal) => runForget(pool, users, options, signal), {
        ...QUICKLY,
        outcome: () => 'Run the same command again to continue.',
      }),
    );
}

async function runForget(
  pool: string,
  named: readonly string[],
  options: ForgetOptions,
  signal: AbortSignal,
): Promise<void> {
  const { suppress = false, dryRun = false, scrub = false, json = false } = options;
  const users = [...named, ...(await readUsers(options.file))];
  if (users.length === 0) {
    throw ActionRequiredError.of('forget', 'no user is named.', 'Name users, or give --file.');
  }
  const reason = options.reason ?? null;
  requireImpersonal(reason, users);
  const loaded = await loadOptions(process.env, { pools: [pool], needsPools: true });
  const { formatForgotten, formatScrub } = await import('../display/forgotten-text.ts');
  const forgotten = await withMirror(loaded, (mirror) =>
    mirror.forget(pool, users, {
      ...{ suppress, reason, dryRun, scrub, signal },
      onScrub: (tables) => console.error(formatScrub(tables)),
    }),
  );
  process.exitCode = forgotten.waiting.length > 0 ? EXIT.failed : EXIT.done;
  if (json) return writeJson(forgotten satisfies Forgotten);
  await writeNote(formatForgotten(forgotten, outputWidth()));
}

/** The lines of a file that hold something. */
async function readUsers(path: string | undefined): Promise<string[]> {
  if (path === undefined) return [];
  try {
    const text = await readFile(path, 'utf8');
    return text.split(/\r?\n/).filter((line) => line.trim() !== '');
  } catch (cause) {
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
    throw ActionRequiredError.of(
      path,
      `it cannot be read (${code}).`,
      'Give the path of a text file.',
      {
        cause,
      },
    );
  }
}

/** The receipt keeps the reason forever. */
function requireImpersonal(reason: string | null, users: readonly string[]): void {
  const text = reason?.toLowerCase();
  if (text === undefined || !users.some((user) => text.includes(user.toLowerCase()))) return;
  throw ActionRequiredError.of(
    '--reason',
    'it names a person, and the receipt must not.',
    'Name the request instead, such as by its number.',
  );
}
