import type { Command } from '../../redis/dry-run.ts';

/**
 * What queues and workers send to Redis: by BullMQ, by those of its scripts that are used here, and
 * beside them.
 *
 * @param prefix of the queues' keys.
 */
export function jobCommands(prefix: string): readonly Command[] {
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
