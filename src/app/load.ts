import type { LoadOptions } from '../config/load-config.ts';
import type { LoadedOptions } from './options.ts';

/** The names of the variables of docs/CONFIGURATION.md that `loadOptions` reads as settings. */
export async function variableNames(): Promise<readonly string[]> {
  const { VARIABLES } = await import('../config/variables.ts');
  return Object.keys(VARIABLES);
}

/**
 * Reads the options of a mirror from environment variables, and from the file that MIRROR_CONFIG
 * names. A password that DATABASE_URL leaves out is read from libpq's password file.
 *
 * @throws ActionRequiredError with every problem of the variables and the files
 */
export async function loadOptions(
  env: Readonly<Record<string, string | undefined>>,
  needs?: LoadOptions,
): Promise<LoadedOptions> {
  const { readOptions } = await import('./read-options.ts');
  const options = readOptions(env, needs);
  if (!options.databaseUrl) return options;
  const { addFiledPassword } = await import('../config/password-file.ts');
  return { ...options, databaseUrl: await addFiledPassword(options.databaseUrl, env) };
}
