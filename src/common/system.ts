/** Returns true if this machine runs a process with this id. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process belongs to another user.
    return getErrorCode(error) === 'EPERM';
  }
}

/** Returns true for an address or name that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Returns the system's code of an error, such as `ENOSPC`, or else its message. */
export function getErrorCode(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}

/** Returns the first error of several: a host with several addresses fails with one for each. */
export function findFirstError(error: unknown): NodeJS.ErrnoException {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first : new Error(String(first));
}
