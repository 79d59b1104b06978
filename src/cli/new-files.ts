import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { quoteWord } from '../common/command.ts';
import { printable } from '../common/printable.ts';
import { ActionRequiredError } from '../index.ts';

interface NewFile {
  readonly path: string;
  /** Where it is written until it is complete. */
  readonly part: string;
  readonly file: FileHandle;
}

/**
 * Files that a command makes of personal data. Only their owner can read them. They appear under
 * their names when all of them are complete; on failure none remains. No file is overwritten.
 */
export class NewFiles {
  readonly #made: NewFile[] = [];

  /** @throws ActionRequiredError if the file exists or cannot be made */
  async create(path: string): Promise<FileHandle> {
    // Takes the name. It is empty until the complete file replaces it.
    await (await open(path, 'wx', 0o600).catch((error) => refuse(path, error))).close();
    const part = partOf(path);
    try {
      const file = await open(part, 'wx', 0o600);
      this.#made.push({ path, part, file });
      return file;
    } catch (error) {
      await rm(path, { force: true });
      return fail(part, error as NodeJS.ErrnoException);
    }
  }

  /** Puts the complete files in their places. */
  async finish(): Promise<void> {
    for (const { file } of this.#made) {
      await file.sync();
      await file.close();
    }
    for (const { part, path } of this.#made) await rename(part, path);
  }

  /** Removes what was made. A file that stays is named on standard error. */
  async remove(): Promise<void> {
    for (const { path, part, file } of this.#made) {
      // Removing a file does not depend on closing it.
      await file.close().catch(() => {});
      for (const each of [part, path]) {
        await rm(each, { force: true }).catch((error: NodeJS.ErrnoException) => warn(each, error));
      }
    }
  }
}

function warn(path: string, { code }: NodeJS.ErrnoException): void {
  const problem = `may hold personal data and could not be removed (${code}). Delete it.`;
  console.error(`cognito-mirror: ${printable(path)} ${problem}`);
}

const partOf = (path: string) => `${path}.part`;

async function refuse(path: string, error: NodeJS.ErrnoException): Promise<never> {
  const [size, part] = await Promise.all([sizeOf(path), sizeOf(partOf(path))]);
  if (error.code !== 'EEXIST' || size !== 0 || part === null) return fail(path, error);
  const problem = `${path} is empty, and ${partOf(path)} incomplete: a command that was killed left them.`;
  const remedy = 'Delete both if no command is writing them, or give another name.';
  throw ActionRequiredError.of('--out', problem, remedy, { cause: error });
}

/** Bytes; null where there is no file. */
async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  );
}

function fail(path: string, error: NodeJS.ErrnoException): never {
  throw newFileError(path, error, 'no file is overwritten');
}

/** The error for a file of `--out` that cannot be made. */
export function newFileError(
  path: string,
  cause: NodeJS.ErrnoException,
  whyNotTaken: string,
): ActionRequiredError {
  const folder = dirname(resolve(path));
  const toError = (problem: string, remedy: string) =>
    ActionRequiredError.of('--out', problem, remedy, { cause });
  switch (cause.code) {
    case 'EEXIST':
      return toError(`${path} exists.`, `Give another name: ${whyNotTaken}.`);
    case 'ENOENT': {
      const remedy = `Make it with \`mkdir -p ${quoteWord(folder)}\`, or give another path.`;
      return toError(`there is no folder ${folder}.`, remedy);
    }
    default:
      return toError(`${path} cannot be written (${cause.code}).`, 'Give another path.');
  }
}
