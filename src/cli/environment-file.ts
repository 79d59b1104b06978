import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { ActionRequiredError } from '../index.ts';

/** The file of environment variables that the command line reads in the working folder. */
export const ENVIRONMENT_FILE = 'cognito-mirror.env';

/** The variables that came from the file. */
const fromFile = new Set<string>();

/** True if the variable came from the file, so that a command run in the same folder has it too. */
export function isFromFile(name: string): boolean {
  return fromFile.has(name);
}

/**
 * Adds the variables of `cognito-mirror.env` in the working folder to `env`. Variables that are set stay,
 * also if they are empty. `init` writes the file.
 *
 * @throws ActionRequiredError if the file cannot be read, or another user can write it
 */
export function readEnvironmentFile(env: NodeJS.ProcessEnv, folder: () => string): void {
  const text = readOwn(folder);
  if (text === null) return;
  for (const [name, value = ''] of Object.entries(parseEnv(text))) {
    if (name in env) continue;
    env[name] = value;
    fromFile.add(name);
  }
}

/** Null if there is none. */
function readOwn(folder: () => string): string | null {
  try {
    const path = join(folder(), ENVIRONMENT_FILE);
    const { uid, mode } = statSync(path);
    // It decides where personal data goes.
    const own = process.getuid?.();
    if (own !== undefined && ((uid !== own && uid !== 0) || (mode & 0o002) !== 0)) {
      const whose = uid === own || uid === 0 ? 'every user can write it' : 'it is of another user';
      throw ActionRequiredError.of(
        ENVIRONMENT_FILE,
        `is not read, because ${whose}.`,
        'Change its owner or its mode (0600), delete it, or work in another folder.',
      );
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof ActionRequiredError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    // Without a working folder, the command says so where it needs one.
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw ActionRequiredError.of(
      ENVIRONMENT_FILE,
      `cannot be read (${code}).`,
      'Let this user read it, or work in another folder.',
      { cause: error },
    );
  }
}
