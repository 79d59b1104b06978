import { ConfigurationError } from '../model/errors.ts';

/**
 * Waits for all, and fails with everything that is wrong: what cannot be used is told in one list.
 *
 * @throws ConfigurationError with the problems of all, where nothing else failed.
 */
export async function allOrProblems<T extends readonly unknown[]>(
  ...opening: { [Index in keyof T]: Promise<T[Index]> }
): Promise<T> {
  const opened = await Promise.allSettled(opening);
  const failures = opened.flatMap((each): unknown[] =>
    each.status === 'rejected' ? [each.reason] : [],
  );
  if (failures.length > 0) {
    throw failures.every((failure) => failure instanceof ConfigurationError)
      ? new ConfigurationError(failures.flatMap(({ problems }) => problems))
      : failures.find((failure) => !(failure instanceof ConfigurationError));
  }
  return opened.map((each) => (each as PromiseFulfilledResult<unknown>).value) as unknown as T;
}
