import { Redis } from 'ioredis';
import type { Queryable } from '../../src/postgres/connection.ts';
import { installationId } from '../../src/postgres/state/workers.ts';
import { openQueues, type Queues } from '../../src/runner/worker/queues.ts';
import type { Fleet } from './fleet.ts';

/** The queues of a fleet, seen from beside it. */
export interface FleetQueues extends Queues {
  readonly redis: Redis;
}

/** Opens the queues of a fleet on a connection of their own; `close` ends it too. */
export async function openFleetQueues(fleet: Fleet): Promise<FleetQueues> {
  const redis = new Redis(fleet.redis.url, { maxRetriesPerRequest: null, connectionName: 'test' });
  redis.on('error', () => {});
  const db = { query: async (sql: string) => ({ rows: await fleet.rows(sql) }) };
  const queues = openQueues(redis, await installationId(db as unknown as Queryable));
  return {
    ...queues,
    redis,
    async close() {
      await queues.close();
      redis.disconnect();
    },
  };
}
