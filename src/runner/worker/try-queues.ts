import { randomUUID } from 'node:crypto';
import { Queue, Worker } from 'bullmq';
import type { RedisConnection } from '../../redis/connection.ts';
import { jobCommands } from './job-commands.ts';
import { QUEUE_NAMES } from './queues.ts';

/**
 * Does once what the queues will do: adds a job to a queue of its own, takes it and completes it,
 * and deletes the queue again.
 *
 * @param prefix of the queues' keys.
 * @throws ConfigurationError where Redis refuses any of it, with the right or setting that is missing.
 */
export async function tryQueues(redis: RedisConnection, prefix: string): Promise<void> {
  await redis.require(jobCommands(prefix));
  const name = `trial-${randomUUID()}`;
  const options = { connection: redis.client, prefix };
  const queue = new Queue(name, options);
  const worker = new Worker(name, null, { ...options, autorun: false });
  // Each queue of a worker keeps a connection for blocking commands; this one has its own.
  const others = QUEUE_NAMES.slice(1).map(() => redis.duplicate());
  // The same errors come out of the calls below.
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
