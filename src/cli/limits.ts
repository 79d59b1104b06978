import { ConfigurationError, type MirrorError, ResumableError } from '../model/errors.ts';

/** A limit of the system that an error shows was met, with what to do; null for other errors. */
export function asLimit(error: unknown): MirrorError | null {
  if (!(error instanceof Error)) return null;
  const { code, path } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EMFILE':
      return toRaise(
        'open files',
        `this process may have ${openFiles()} open files, which is too few.`,
        'Raise the limit, such as by `ulimit -n 1024`.',
      );
    case 'ENFILE':
      return toRaise(
        'open files',
        'the system has no more open files to give.',
        'Raise its limit (`fs.file-max` on Linux), or end other programs.',
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new ResumableError(
        `${path === undefined ? 'A file' : path} cannot be written: no space is left on its disk (${code}). ` +
          'Free space in MIRROR_HOME and the folder of the archive, then run the command again.',
        { cause: error },
      );
    default:
      return error instanceof RangeError && error.message.includes('WebAssembly')
        ? toRaise(
            'virtual memory',
            'its limit is too low for Node.',
            'Remove it: `ulimit -v unlimited`.',
          )
        : null;
  }
}

function toRaise(subject: string, problem: string, remedy: string): ConfigurationError {
  return new ConfigurationError([{ subject, problem, remedy }]);
}

/** The limit as Node reports it without opening a file. */
function openFiles(): string {
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { soft?: string | number } };
  };
  return `at most ${userLimits?.open_files?.soft ?? 'a few'}`;
}
