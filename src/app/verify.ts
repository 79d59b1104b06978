import { explainAbort } from '../model/errors.ts';
import type { Verification } from '../verify/findings.ts';
import type { MirrorOptions } from './options.ts';
import type { VerifyRequest } from './run-verify.ts';

/**
 * Verifies archives, or copies of them. It needs nothing but the right to read them: no database, no
 * Redis, no lock. A pool without findings is valid. If none is named, it also looks outside of pools.
 *
 * @param options where the archives are and how AWS is reached; the rest does not matter
 * @throws ActionRequiredError if the request is wrong or there is nothing to verify
 * @throws ResumableError if an archive cannot be read
 * @throws InterruptedError if the signal fired
 */
export async function verifyArchives(
  { signal = new AbortController().signal, ...request }: VerifyRequest = {},
  options: MirrorOptions = {},
): Promise<Verification> {
  const { runVerify } = await import('./run-verify.ts');
  try {
    return await runVerify(request, options, signal);
  } catch (error) {
    throw explainAbort(error, signal);
  }
}
