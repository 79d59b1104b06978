/**
 * A process that takes turns as fast as it gets them, in the bucket of ListUsers, and writes a line
 * for each release: milliseconds on the machine's monotonic clock. Argument: its options as JSON.
 * The line `throttled` on standard input is an answer of throttling; `stop` closes everything.
 */
import { createInterface } from 'node:readline';

const { url, account, share, userListRps, clockOffsetMs, parallel, stallMs } = JSON.parse(
  process.argv[2] ?? '',
);
const rightNow = Date.now;
Date.now = () => rightNow() + clockOffsetMs;

// By their URLs, as there is nothing to check types against before the build.
const dist = new URL('../../dist/', import.meta.url).href;
const { openRedis } = await import(`${dist}redis/connection.js`);
const { clusteredAccountBuckets } = await import(`${dist}quota/clustered-buckets.js`);

const allowance = { share, userListRps };
const redis = await openRedis(url);
const all = clusteredAccountBuckets(redis, { of: () => allowance, leastShare: () => share });
const buckets = all.of(account, 'us-east-1');
const end = new AbortController();

// A process that has other work: it stands still for a while, over and over.
if (stallMs > 0) {
  setInterval(() => {
    const until = performance.now() + stallMs;
    while (performance.now() < until);
  }, stallMs * 4).unref();
}

const takeTurns = async () => {
  while (!end.signal.aborted) {
    const attempt = async () => console.log(Number(process.hrtime.bigint()) / 1e6);
    await buckets.run('ListUsers', 'us-east-1_Quota', attempt, end.signal);
  }
};
const done = Promise.allSettled(Array.from({ length: parallel }, takeTurns));

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'throttled') buckets.slowDown('ListUsers', 'us-east-1_Quota');
  else break;
}
end.abort(new Error('It was told to stop.'));
await all.close();
await done;
redis.close();
