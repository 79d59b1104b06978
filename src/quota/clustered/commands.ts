import type { Command } from '../../redis/dry-run.ts';

/** Marks the mirror's own keys in a Redis that others use too. */
export const PREFIX = 'cognito-mirror';
/** Its messages are the ids of lanes that the service throttled. */
export const THROTTLED = `${PREFIX}/throttled`;

/** A key, and a channel, such as Bottleneck has for a limiter of ours. No limiter has this name. */
const KEY = `b_${PREFIX}/trial`;

/**
 * What the buckets send to Redis: themselves, by Bottleneck, and by its scripts. SUBSCRIBE is not
 * here, as ioredis takes its answer within a transaction for a subscription.
 */
export const BUCKET_COMMANDS: readonly Command[] = [
  ['PING'],
  ['PUBLISH', THROTTLED, ''],
  ['PUBLISH', KEY, ''],
  ['EVALSHA', '0', 1, KEY],
  ['EVAL', 'return', 1, KEY],
  ['DEL', KEY],
  ['EXISTS', KEY],
  ['PEXPIRE', KEY, 1],
  ['HDEL', KEY, 'field'],
  ['HGET', KEY, 'field'],
  ['HINCRBY', KEY, 'field', 0],
  ['HMGET', KEY, 'field'],
  ['HMSET', KEY, 'field', 0],
  ['HSET', KEY, 'field', 0],
  ['HSETNX', KEY, 'field', 0],
  ['TIME'],
  ['ZADD', KEY, 0, 'member'],
  ['ZCARD', KEY],
  ['ZINCRBY', KEY, 0, 'member'],
  ['ZRANGE', KEY, 0, 0],
  ['ZRANGEBYSCORE', KEY, 0, 0],
  ['ZREM', KEY, 'member'],
  ['ZREMRANGEBYSCORE', KEY, 0, 0],
  ['ZSCORE', KEY, 'member'],
];
