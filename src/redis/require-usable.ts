import { redactUrl } from '../common/redact-url.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { RedisConnection } from './connection.ts';
import { parseInfo } from './server-info.ts';

/**
 * Requires a Redis that keeps all jobs when its memory is full. Passes if both CONFIG and INFO hide
 * the eviction policy.
 *
 * @throws ActionRequiredError that names the setting to change.
 */
export async function requireUsableRedis(redis: RedisConnection): Promise<void> {
  const policy = (await readPolicyFromConfig(redis)) ?? (await readPolicyFromInfo(redis));
  if (policy === null || policy === 'noeviction') return;
  throw new ActionRequiredError([
    {
      subject: `REDIS_URL (${redactUrl(redis.url)})`,
      problem: `the server may drop jobs when its memory is full (maxmemory-policy ${policy}).`,
      remedy:
        'Run `CONFIG SET maxmemory-policy noeviction`, and set it in its configuration file or in the parameter group of a managed Redis.',
    },
  ]);
}

/** Null if CONFIG is forbidden, as in managed services. */
async function readPolicyFromConfig({ client }: RedisConnection): Promise<string | null> {
  try {
    const [, policy] = (await client.config('GET', 'maxmemory-policy')) as string[];
    return policy ?? null;
  } catch {
    return null;
  }
}

async function readPolicyFromInfo({ client }: RedisConnection): Promise<string | null> {
  try {
    return parseInfo(await client.info('memory')).get('maxmemory_policy') ?? null;
  } catch {
    return null;
  }
}
