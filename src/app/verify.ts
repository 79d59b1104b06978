import { InterruptedError } from '../model/errors.ts';
import type { PoolVerification } from '../verify/findings.ts';
import type { Selection } from '../verify/select.ts';
import type { VerifyProgress } from '../verify/verify-pool.ts';
import type { CallOptions } from './mirror.ts';
import type { MirrorOptions } from './options.ts';

/** What to verify, and against what. */
export interface VerifyRequest extends Partial<Selection>, CallOptions {
  /** The pools; by default every pool of the archive. */
  readonly pools?: readonly string[] | undefined;
  /** The URL of the archive, or of a copy; by default that of the options. */
  readonly archive?: string | undefined;
  /** The text of a file of OpenSSH's allowed signers: the keys that may sign. */
  readonly signers?: string | undefined;
  /** The SHA-256 of a manifest that a witness keeps. The archive must have it. */
  readonly head?: string | undefined;
  /** Called after each object. */
  readonly onProgress?: (progress: VerifyProgress) => void;
}

/**
 * Verifies archives, or copies of them. It needs nothing but the right to read them: no database, no
 * Redis, no lock. A pool without findings is valid.
 *
 * @param options where the archives are and how AWS is reached; the rest does not matter
 * @throws ActionRequiredError if the request is wrong or there is no archive
 * @throws ResumableError if an archive cannot be read
 * @throws InterruptedError if the signal fired
 */
export async function verifyArchives(
  { signal = new AbortController().signal, ...request }: VerifyRequest = {},
  options: MirrorOptions = {},
): Promise<readonly PoolVerification[]> {
  const { runVerify } = await import('./run-verify.ts');
  try {
    return await runVerify(request, options, signal);
  } catch (error) {
    if (signal.aborted && !(error instanceof InterruptedError)) {
      throw new InterruptedError(undefined, { cause: error });
    }
    throw error;
  }
}
