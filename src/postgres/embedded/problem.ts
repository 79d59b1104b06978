import { ActionRequiredError } from '../../model/errors.ts';

/** Something keeps the embedded Postgres from running; a server of the person's own always helps. */
export function embeddedProblem(
  problem: string,
  remedy: string,
  { output, ...options }: ErrorOptions & { readonly output?: string } = {},
): ActionRequiredError {
  return new ActionRequiredError(
    [
      {
        subject: 'embedded Postgres',
        problem,
        remedy: `${remedy}, or set DATABASE_URL to a Postgres of your own.`,
        ...(output !== undefined && { output: lastLines(output) }),
      },
    ],
    options,
  );
}

/** How many lines of a program's output are shown: the cause is mostly in the last. */
const SHOWN_LINES = 8;

function lastLines(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-SHOWN_LINES);
}

/** What to do about a program of Postgres that failed, by its output. */
export function remedyOf(output: string): string {
  if (/No space left|free disk space|Disk quota/.test(output))
    return 'Free space on the disk of MIRROR_HOME';
  if (/Too many open files/.test(output)) return 'Raise the limit of open files (`ulimit -n 1024`)';
  if (/Read-only file system|Permission denied/.test(output)) {
    return 'Set MIRROR_HOME to a folder that you may write';
  }
  return 'Correct what its last lines below say';
}
