import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { ActionRequiredError, variableNames } from '../index.ts';

/** The file of environment variables that the command line reads in the working folder. */
export const ENVIRONMENT_FILE = 'cognito-mirror.env';

/**
 * The variables of AWS that the file may set. Others could do more than choose a profile, a Region or a
 * server: AWS_CONFIG_FILE can name a program to run, and to the endpoints of AWS_ENDPOINT_URL and
 * AWS_ENDPOINT_URL_STS the SDK sends tokens of IAM Identity Center and of web identities. To these
 * services it sends signatures, which are worth nothing at another server.
 */
export const AWS_IN_FILE = [
  'AWS_PROFILE',
  'AWS_REGION',
  'AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER',
  'AWS_ENDPOINT_URL_S3',
  'AWS_ENDPOINT_URL_KMS',
] as const;

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
 * @throws ActionRequiredError if the file cannot be read, another user can write it, or it sets a variable
 * that it may not
 */
export async function readEnvironmentFile(
  env: NodeJS.ProcessEnv,
  folder: () => string,
): Promise<void> {
  const text = readOwn(folder);
  if (text === null) return;
  const added = Object.entries(parseEnv(text)).filter(([name]) => !(name in env));
  if (added.length === 0) return;
  // A file that came with a folder must not change how Node, the SDK or other libraries work.
  const allowed = new Set<string>([...AWS_IN_FILE, ...(await variableNames())]);
  const refused = added.flatMap(([name]) => (allowed.has(name) ? [] : name)).sort();
  if (refused.length > 0) throw refusedError(refused);
  for (const [name, value = ''] of added) {
    env[name] = value;
    fromFile.add(name);
  }
}

function refusedError(names: readonly string[]): ActionRequiredError {
  return ActionRequiredError.of(
    ENVIRONMENT_FILE,
    `is not read, because it sets ${names.join(', ')}. It may set only the settings of this program, ${AWS_IN_FILE.join(', ')}.`,
    'Remove the others from it, and set those that you need in the environment. If you did not write the file, do not trust this folder.',
  );
}

/** Null if there is none. */
function readOwn(folder: () => string): string | null {
  let file: number | null = null;
  try {
    // Opening does not wait for the writer of a pipe.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    file = openSync(join(folder(), ENVIRONMENT_FILE), flags);
    // Of the open file: another can take its place under the name.
    const { uid, mode } = fstatSync(file);
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
    return readFileSync(file, 'utf8');
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
  } finally {
    if (file !== null) closeSync(file);
  }
}
