import { redactUrl } from '../common/redact-url.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { RedisConnection } from './connection.ts';
import { isForbidden } from './redis-errors.ts';
import { parseInfo } from './server-info.ts';

/**
 * Requires a Redis that keeps all jobs when its memory is full. Passes if both CONFIG and INFO hide
 * the eviction policy.
 *
 * @throws ActionRequiredError that names the setting to change, or says why Redis did not answer.
 */
export async function requireUsableRedis(redis: RedisConnection): Promise<void> {
  await redis.tryOut(async () => {
    const policy = (await readPolicyFromConfig(redis)) ?? (await readPolicyFromInfo(redis));
    if (policy !== null && policy !== 'noeviction') throw createPolicyError(redis, policy);
  });
}

function createPolicyError({ url }: RedisConnection, policy: string): ActionRequiredError {
  return ActionRequiredError.of(
    `REDIS_URL (${redactUrl(url)})`,
    `the server may drop jobs when its memory is full (maxmemory-policy ${policy}).`,
    'Run `CONFIG SET maxmemory-policy noeviction`, and set it in its configuration file or in the parameter group of a managed Redis.',
  );
}

/** Null if CONFIG is forbidden, as in managed services. */
async function readPolicyFromConfig({ client }: RedisConnection): Promise<string | null> {
  const answer = await client.config('GET', 'maxmemory-policy').catch(nullIfForbidden);
  const [, policy] = (answer ?? []) as string[];
  return policy ?? null;
}

async function readPolicyFromInfo({ client }: RedisConnection): Promise<string | null> {
  const answer = await client.info('memory').catch(nullIfForbidden);
  return parseInfo(answer ?? '').get('maxmemory_policy') ?? null;
}

function nullIfForbidden(error: unknown): null {
  if (isForbidden(error)) return null;
  throw error;
}
