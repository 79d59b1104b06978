import { ActionRequiredError } from '../../model/errors.ts';

/** The error for an embedded Postgres that cannot run. Another server is always a remedy. */
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

/** How many lines of a program's output are shown. The cause is mostly in the last ones. */
const SHOWN_LINES = 8;

function lastLines(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-SHOWN_LINES);
}

/** The remedy for a failed program of Postgres, from its output. */
export function suggestRemedy(output: string): string {
  if (/No space left|free disk space|Disk quota/.test(output))
    return 'Free space on the disk of MIRROR_HOME';
  if (/File too large|size limit exceeded/.test(output))
    return 'Raise the limit on file sizes (`ulimit -f unlimited`)';
  if (/Too many open files/.test(output)) return 'Raise the limit of open files (`ulimit -n 1024`)';
  if (/Read-only file system|Permission denied/.test(output)) {
    return 'Set MIRROR_HOME to a folder that you may write';
  }
  return 'Correct what its last lines below say';
}
