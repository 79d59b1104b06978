/**
 * A process that takes permits of the bucket of ListUsers as fast as it gets them. For each release
 * it writes a line: milliseconds on the machine's monotonic clock. Argument: its options as JSON.
 * Standard input: `throttled` reports throttling to the bucket, `stop` closes everything.
 */
import { createInterface } from 'node:readline';

const { url, account, share, userListRps, clockOffsetMs, parallel, stallMs } = JSON.parse(
  process.argv[2] ?? '',
);
const rightNow = Date.now;
Date.now = () => rightNow() + clockOffsetMs;

// URLs, as the files do not exist when types are checked before the build.
const dist = new URL('../../dist/', import.meta.url).href;
const { openRedis } = await import(`${dist}redis/connection.js`);
const { AccountBuckets } = await import(`${dist}quota/account-buckets.js`);
const { clusteredBackend } = await import(`${dist}quota/clustered/limiter.js`);
const { createLogger } = await import(`${dist}telemetry/logger.js`);

const allowance = { share, userListRps };
const redis = await openRedis(url);
const backend = clusteredBackend(redis, createLogger({ level: 'warn' }));
const all = new AccountBuckets(backend, { of: () => allowance, leastShare: () => share });
const buckets = all.of(account, 'us-east-1');
const end = new AbortController();

// Other work: it blocks the process for a while, over and over.
if (stallMs > 0) {
  setInterval(() => {
    const until = performance.now() + stallMs;
    while (performance.now() < until);
  }, stallMs * 4).unref();
}

const takePermits = async () => {
  while (!end.signal.aborted) {
    const attempt = async () => console.log(Number(process.hrtime.bigint()) / 1e6);
    await buckets.run('ListUsers', 'us-east-1_Quota', attempt, end.signal);
  }
};
const done = Promise.allSettled(Array.from({ length: parallel }, takePermits));

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'throttled') buckets.slowDown('ListUsers', 'us-east-1_Quota');
  else break;
}
end.abort(new Error('The test stopped it.'));
await all.close();
await done;
redis.close();
