import { randomUUID } from 'node:crypto';
import scripts from 'bottleneck/lib/Scripts.js';
import type { RedisConnection } from '../../redis/connection.ts';
import { BUCKET_COMMANDS, PREFIX, THROTTLED } from './commands.ts';
import { ClusterConnection } from './connection.ts';
import { openBottleneck } from './limiter.ts';

/**
 * Does once what the buckets will do: subscribes, and takes a turn of a limiter of its own, whose
 * keys it deletes again.
 *
 * @throws ConfigurationError where Redis refuses any of it, with the right or setting that is missing.
 */
export async function assertLimiterUsable(redis: RedisConnection): Promise<void> {
  await redis.require(BUCKET_COMMANDS);
  const connection = new ClusterConnection(redis.duplicate());
  const { client, subscriber } = connection.clients;
  const id = `${PREFIX}/trial/${randomUUID()}`;
  try {
    await redis.tryOut(async () => {
      await subscriber.subscribe(THROTTLED);
      const limiter = openBottleneck(connection, id, 1);
      try {
        await limiter.turn();
      } finally {
        await limiter.close();
      }
      await client.del(...scripts.allKeys(id));
    });
  } finally {
    await connection.disconnect(false);
  }
}
