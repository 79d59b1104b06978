import type { LoadOptions } from '../config/load-config.ts';
import type { LoadedOptions } from './options.ts';

/**
 * Reads the options of a mirror from environment variables, and from the file that MIRROR_CONFIG
 * names. A pure function of `env`.
 *
 * @throws ActionRequiredError with every problem of the variables and the file
 */
export async function loadOptions(
  env: Readonly<Record<string, string | undefined>>,
  needs?: LoadOptions,
): Promise<LoadedOptions> {
  const { readOptions } = await import('./options.ts');
  return readOptions(env, needs);
}
