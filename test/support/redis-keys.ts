import type { Redis } from 'ioredis';

/** How each type of value is read whole. */
const READS: Readonly<Record<string, readonly string[]>> = {
  string: ['GET'],
  hash: ['HGETALL'],
  list: ['LRANGE', '0', '-1'],
  set: ['SMEMBERS'],
  zset: ['ZRANGE', '0', '-1'],
  stream: ['XRANGE', '-', '+'],
};

/** Every key of a Redis, each with everything that it holds as JSON. */
export async function everyKeyOf(redis: Redis): Promise<string[]> {
  const texts: string[] = [];
  for (const key of await redis.keys('*')) {
    const [read = 'GET', ...range] = READS[await redis.type(key)] ?? [];
    texts.push(`${key} ${JSON.stringify(await redis.call(read, key, ...range))}`);
  }
  return texts;
}
