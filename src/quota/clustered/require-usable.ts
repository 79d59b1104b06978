import { randomUUID } from 'node:crypto';
import type { RedisConnection } from '../../redis/connection.ts';
import type { Command } from '../../redis/dry-run.ts';
import { PREFIX, THROTTLED } from './limiter.ts';
import { definePermitScript, PermitReserver } from './permits.ts';

const KEY = `${PREFIX}/trial`;

/**
 * The commands that the buckets send to Redis, also in their script. SUBSCRIBE is missing: within a
 * transaction ioredis takes its answer for a subscription.
 */
export const BUCKET_COMMANDS: readonly Command[] = [
  ['PING'],
  ['PUBLISH', THROTTLED, ''],
  ['EVALSHA', '0', 1, KEY],
  ['EVAL', 'return', 1, KEY],
  ['DEL', KEY],
  ['HMGET', KEY, 'field'],
  ['HSET', KEY, 'field', 0],
  ['PEXPIRE', KEY, 1],
  ['TIME'],
];

/**
 * Does what the buckets will do: subscribes, and reserves a permit of a bucket that it deletes again.
 *
 * @throws ActionRequiredError that names the missing right or setting, if Redis refuses anything.
 */
export async function assertLimiterUsable(redis: RedisConnection): Promise<void> {
  await redis.require(BUCKET_COMMANDS);
  const client = definePermitScript(redis.duplicate());
  const subscriber = redis.duplicate();
  const key = `${KEY}/${randomUUID()}`;
  try {
    await redis.tryOut(async () => {
      await subscriber.subscribe(THROTTLED);
      await new PermitReserver(client, key, 1).reserve();
      await client.del(key);
    });
  } finally {
    client.disconnect();
    subscriber.disconnect();
  }
}
