import { redactUrl } from '../common/redact-url.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { RedisConnection } from './connection.ts';
import { readInfo } from './server-info.ts';

/**
 * Requires a Redis that loses no job when its memory runs full. One that tells its eviction policy
 * neither by CONFIG nor by INFO is let pass.
 *
 * @throws ConfigurationError that names the setting to change
 */
export async function requireUsableRedis(redis: RedisConnection): Promise<void> {
  const policy = (await policyByConfig(redis)) ?? (await policyByInfo(redis));
  if (policy === null || policy === 'noeviction') return;
  throw new ActionRequiredError([
    {
      subject: `REDIS_URL (${redactUrl(redis.url)})`,
      problem: `the server may drop jobs when its memory is full (maxmemory-policy ${policy}).`,
      remedy:
        'Set it to noeviction: `CONFIG SET maxmemory-policy noeviction` and the same in its configuration, or in the parameter group of a managed Redis.',
    },
  ]);
}

/** Null where CONFIG is forbidden, as managed services do. */
async function policyByConfig({ client }: RedisConnection): Promise<string | null> {
  try {
    const [, policy] = (await client.config('GET', 'maxmemory-policy')) as string[];
    return policy ?? null;
  } catch {
    return null;
  }
}

async function policyByInfo({ client }: RedisConnection): Promise<string | null> {
  try {
    return readInfo(await client.info('memory')).get('maxmemory_policy') ?? null;
  } catch {
    return null;
  }
}
