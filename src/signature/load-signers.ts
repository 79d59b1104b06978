import { openRegularFile } from '../common/regular-file.ts';
import { ActionRequiredError } from '../model/errors.ts';
import {
  type AllowedSigners,
  AllowedSignersError,
  parseAllowedSigners,
} from './allowed-signers.ts';

/**
 * Loads a file of OpenSSH's allowed signers.
 *
 * @param subject the setting that names the file, for errors.
 * @throws ActionRequiredError if it cannot be read, or has no key for manifests.
 */
export async function loadAllowedSigners(path: string, subject: string): Promise<AllowedSigners> {
  const file = await openRegularFile(path).catch((cause: NodeJS.ErrnoException) => {
    const problem = `${path} cannot be read (${cause.code}).`;
    throw ActionRequiredError.of(subject, problem, GIVE_ONE, { cause });
  });
  if (file === null) throw ActionRequiredError.of(subject, `${path} is not a file.`, GIVE_ONE);
  try {
    return parseAllowedSigners(await file.readFile('utf8'));
  } catch (error) {
    if (!(error instanceof AllowedSignersError)) throw error;
    throw ActionRequiredError.of(
      subject,
      error.message,
      'Correct it, or copy the line that `cognito-mirror keygen` printed.',
    );
  } finally {
    await file.close();
  }
}

const GIVE_ONE = 'Give the path of a file with a line for each key.';
