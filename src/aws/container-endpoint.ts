import { setTimeout as sleep } from 'node:timers/promises';

/** How long the container's credentials endpoint may take to answer. */
const ANSWER_MS = 5_000;
/** The SDK only warns at its own limit, and waits on: it is set beyond ours. */
export const CONTAINER_SOCKET_MS = 60_000;

/** True where a look-up comes to the container's endpoint: the variables before it are not set. */
export function asksContainer({ env } = process): boolean {
  const named =
    env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  return Boolean(named) && !env.AWS_PROFILE && !env.AWS_ACCESS_KEY_ID;
}

/** Gives what the container's endpoint answers, or rejects with a TimeoutError where it is silent. */
export function ofContainer<T>(answer: Promise<T>): Promise<T> {
  const late = new AbortController();
  const limit = sleep(ANSWER_MS, undefined, { signal: late.signal }).then(() => {
    throw Object.assign(new Error('no answer in time'), { name: 'TimeoutError' });
  });
  return Promise.race([answer, limit]).finally(() => {
    late.abort();
    limit.catch(() => {});
  });
}
