import { randomUUID } from 'node:crypto';
import { Queue, Worker } from 'bullmq';
import type { RedisConnection } from '../../redis/connection.ts';
import type { Command } from '../../redis/dry-run.ts';
import { QUEUE_NAMES } from './queues.ts';

/**
 * Tries what the queues will do: adds a job to a trial queue, completes it, and deletes the queue.
 *
 * @param prefix of the queues' keys.
 * @throws ActionRequiredError if Redis refuses a step, with the right or setting that is missing.
 */
export async function assertQueuesUsable(redis: RedisConnection, prefix: string): Promise<void> {
  await redis.require(listJobCommands(prefix));
  const name = `trial-${randomUUID()}`;
  const options = { connection: redis.client, prefix };
  const queue = new Queue(name, options);
  const worker = new Worker(name, null, { ...options, autorun: false });
  // Each worker of a queue needs a connection for blocking commands. The trial worker has its own.
  const others = QUEUE_NAMES.slice(1).map(() => redis.duplicate());
  // The calls below throw the same errors.
  queue.on('error', () => {});
  worker.on('error', () => {});
  try {
    await redis.tryOut(async () => {
      await Promise.all([worker.waitUntilReady(), ...others.map((each) => each.ping())]);
      const token = randomUUID();
      await queue.addBulk([{ name: 'trial', data: {} }]);
      const job = await worker.getNextJob(token, { block: false });
      await job?.moveToCompleted(null, token, false);
      await queue.obliterate({ force: true });
    });
  } finally {
    for (const each of others) each.disconnect();
    await worker.close(true);
    await queue.close();
  }
}

/**
 * The commands that queues and workers send to Redis: by BullMQ, by the scripts of it that are used
 * here, and by this program.
 *
 * @param prefix of the queues' keys.
 */
export function listJobCommands(prefix: string): readonly Command[] {
  const key = `${prefix}:trial`;
  return [
    ['INFO'],
    ['PING'],
    ['EVALSHA', '0', 1, key],
    ['EVAL', 'return', 1, key],
    ['BZPOPMIN', key, 0.01],
    ['DEL', key],
    ['EXISTS', key],
    ['GET', key],
    ['HDEL', key, 'field'],
    ['HEXISTS', key, 'field'],
    ['HGET', key, 'field'],
    ['HGETALL', key],
    ['HINCRBY', key, 'field', 0],
    ['HLEN', key],
    ['HMGET', key, 'field'],
    ['HMSET', key, 'field', 0],
    ['HSET', key, 'field', 0],
    ['INCR', key],
    ['LINDEX', key, 0],
    ['LLEN', key],
    ['LPOS', key, 'element'],
    ['LPUSH', key, 'element'],
    ['LRANGE', key, 0, 0],
    ['LREM', key, 0, 'element'],
    ['LTRIM', key, 0, 0],
    ['PERSIST', key],
    ['PEXPIRE', key, 1],
    ['PTTL', key],
    ['RPOP', key],
    ['RPOPLPUSH', key, key],
    ['RPUSH', key, 'element'],
    ['SADD', key, 'member'],
    ['SCARD', key],
    ['SET', key, '', 'PX', 1, 'NX'],
    ['SISMEMBER', key, 'member'],
    ['SMEMBERS', key],
    ['SREM', key, 'member'],
    ['TYPE', key],
    ['UNLINK', key],
    ['XADD', key, '*', 'field', 'value'],
    ['XTRIM', key, 'MAXLEN', 0],
    ['ZADD', key, 0, 'member'],
    ['ZCARD', key],
    ['ZCOUNT', key, 0, 0],
    ['ZPOPMIN', key],
    ['ZRANGE', key, 0, 0],
    ['ZRANGEBYSCORE', key, 0, 0],
    ['ZREM', key, 'member'],
    ['ZREMRANGEBYRANK', key, 0, 0],
    ['ZREMRANGEBYSCORE', key, 0, 0],
    ['ZREVRANGE', key, 0, 0],
    ['ZREVRANGEBYSCORE', key, 0, 0],
    ['ZSCORE', key, 'member'],
  ];
}
