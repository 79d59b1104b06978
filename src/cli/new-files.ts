import { type FileHandle, open, rename, rm } from 'node:fs/promises';
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
    await (await open(path, 'wx', 0o600).catch((error) => fail(path, error))).close();
    const part = `${path}.part`;
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

function fail(path: string, error: NodeJS.ErrnoException): never {
  const isTaken = error.code === 'EEXIST';
  throw ActionRequiredError.of(
    '--out',
    isTaken ? `${path} exists.` : `${path} cannot be written (${error.code}).`,
    isTaken ? 'Give another name: no file is overwritten.' : 'Give another path.',
    { cause: error },
  );
}
