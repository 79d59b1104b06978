import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { redactUrl } from '../common/redact-url.ts';
import { ActionRequiredError, InterruptedError } from '../model/errors.ts';
import { explain, listCommands, type RedisProblem, SILENT } from './redis-errors.ts';
import { checkServer, getUsername, readGreeting, readInfo } from './server-info.ts';
/**
 * How long Redis may take to come up, and to take the first commands. Together with the start of the
 * process, a person has the reason within 10 seconds, also on a busy machine.
 */
export const PATIENCE_MS = 5_000;
const RETRY_MS = 200;

/**
 * Waits until the Redis at `url` answers and can be used, for 5 seconds at most.
 *
 * @throws ConfigurationError where it cannot, at once where waiting would not help
 * @throws InterruptedError where `signal` fires
 */
export async function awaitRedis(url: string, signal?: AbortSignal): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  let cause: RedisProblem | null = null;
  for (;;) {
    if (signal?.aborted) throw new InterruptedError();
    const trouble = await probe(url, Math.max(deadline - performance.now(), RETRY_MS), signal);
    if (signal?.aborted) throw new InterruptedError();
    if (trouble === null) return;
    // The last probe may have little time left: silence then says less than what was found before.
    if (trouble !== SILENT) cause = trouble;
    if (!trouble.passing || performance.now() + 2 * RETRY_MS >= deadline) {
      throw refusedRedis(url, cause ?? trouble);
    }
    await sleep(RETRY_MS, undefined, signal ? { signal } : {}).catch(() => {});
  }
}

/** Without the error itself: ioredis puts the command there, and with it the password. */
export function refusedRedis(url: string, { problem, remedy }: RedisProblem): ActionRequiredError {
  return new ActionRequiredError([{ subject: `REDIS_URL (${redactUrl(url)})`, problem, remedy }]);
}

/** Connects once and asks Redis what it is; null where it can be used. */
async function probe(
  url: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<RedisProblem | null> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    // The ready check would wait for a Redis that still loads its data; here that is a finding.
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
    const trouble = checkServer(readInfo(await client.info()));
    if (trouble !== null) return trouble;
    // By itself first: without MULTI, a dry run would run its commands.
    await client.call('MULTI');
    await client.call('DISCARD');
    // ioredis reports a refused choice of the database as an event alone.
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

/** Explains an error; of a connection, also by what the server says to a new one. */
export async function explainFailure(url: string, error: Error): Promise<RedisProblem> {
  const user = getUsername(url);
  if ('command' in error) {
    return explain(error, { user, commands: listCommands(error) });
  }
  const greeting = await readGreeting(url);
  const isRefused = greeting?.startsWith('-') ?? false;
  return explain(isRefused ? new Error(greeting?.slice(1)) : error, { user, commands: [] });
}
