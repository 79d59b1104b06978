import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { redactUrl } from '../common/redact-url.ts';
import { ActionRequiredError, InterruptedError } from '../model/errors.ts';
import { explainRedisError, listCommands, type RedisProblem, SILENT } from './redis-errors.ts';
import { checkServer, getUsername, parseInfo, readGreeting } from './server-info.ts';

/**
 * How long Redis may take to start, and to answer the first commands. With the start of the process
 * an operator sees the reason within 10 seconds, also on a busy machine.
 */
export const PATIENCE_MS = 5_000;
const RETRY_MS = 200;

/**
 * Waits up to 5 seconds until the Redis at `url` can be used.
 *
 * @throws ActionRequiredError if it cannot be used; at once if waiting cannot help.
 * @throws InterruptedError on an abort.
 */
export async function awaitRedis(url: string, signal?: AbortSignal): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  let cause: RedisProblem | null = null;
  for (;;) {
    if (signal?.aborted) throw new InterruptedError();
    const problem = await probe(url, Math.max(deadline - performance.now(), RETRY_MS), signal);
    if (signal?.aborted) throw new InterruptedError();
    if (problem === null) return;
    // The last probe may have too little time for an answer, so an earlier finding counts more.
    if (problem !== SILENT) cause = problem;
    if (!problem.temporary || performance.now() + 2 * RETRY_MS >= deadline) {
      throw createRedisError(url, cause ?? problem);
    }
    await sleep(RETRY_MS, undefined, signal ? { signal } : {}).catch(() => {});
  }
}

/** Without the cause: ioredis adds the command to its errors, and with it the password. */
export function createRedisError(
  url: string,
  { problem, remedy }: RedisProblem,
): ActionRequiredError {
  return new ActionRequiredError([{ subject: `REDIS_URL (${redactUrl(url)})`, problem, remedy }]);
}

/** Connects once and checks the server. Null if it can be used. */
async function probe(
  url: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<RedisProblem | null> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    // The ready check would wait for a Redis that loads its data; here that is a problem to report.
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
  });
  let failure: Error | null = null;
  client.on('error', (error: Error) => {
    failure ??= error;
  });
  const stop = () => client.disconnect();
  signal?.addEventListener('abort', stop, { once: true });
  let silent = false;
  const timer = setTimeout(() => {
    silent = true;
    stop();
  }, timeoutMs);
  try {
    await client.connect();
    const problem = checkServer(parseInfo(await client.info()));
    if (problem !== null) return problem;
    // First without commands: if MULTI fails, a dry run would execute them.
    await client.call('MULTI');
    await client.call('DISCARD');
    // ioredis reports a database that does not exist only as an event.
    return failure === null ? null : explainFailure(url, failure);
  } catch (error) {
    if (silent) return SILENT;
    return explainFailure(url, failure ?? (error as Error));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    client.disconnect();
  }
}

/** Explains an error. For a lost connection it also reads what the server sends to a new one. */
export async function explainFailure(url: string, error: Error): Promise<RedisProblem> {
  const user = getUsername(url);
  if ('command' in error) {
    return explainRedisError(error, { user, commands: listCommands(error) });
  }
  const greeting = await readGreeting(url);
  const isRefused = greeting?.startsWith('-') ?? false;
  return explainRedisError(isRefused ? new Error(greeting?.slice(1)) : error, {
    user,
    commands: [],
  });
}
