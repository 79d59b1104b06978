import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { openQueues, type Queues } from '../../src/runner/worker/queues.ts';
import type { Fleet } from './fleet.ts';

/** The queues of a fleet's workers, as a test looks at them. */
export interface FleetQueues extends Queues {
  readonly redis: Redis;
}

export async function openFleetQueues(fleet: Fleet): Promise<FleetQueues> {
  const redis = new Redis(fleet.redis.url, { maxRetriesPerRequest: null, connectionName: 'test' });
  redis.on('error', () => {});
  const [installation] = await fleet.rows<{ id: string }>('SELECT id FROM mirror.installation');
  const queues = openQueues(redis, installation?.id ?? '', () => {});
  return {
    ...queues,
    redis,
    async close() {
      await queues.close();
      redis.disconnect();
    },
  };
}

/** Expects no job to have spent an attempt but the one that it ended with. */
export async function expectNoAttemptSpent(fleet: Fleet): Promise<void> {
  const queues = await openFleetQueues(fleet);
  try {
    for (const queue of [queues.snapshots, queues.walks]) {
      expect(await queue.getFailedCount()).toBe(0);
      const jobs = await queue.getCompleted();
      expect(jobs.length).toBeGreaterThan(0);
      for (const job of jobs) expect(job.attemptsMade).toBe(1);
    }
  } finally {
    await queues.close();
  }
}
