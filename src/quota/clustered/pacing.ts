import type { RedisConnection } from '../../redis/connection.ts';
import type { Pacing } from '../pacing.ts';
import { PREFIX, THROTTLED } from './commands.ts';
import { ClusterConnection } from './connection.ts';
import { clusteredPacer } from './pacer.ts';

/** The pacing shared by all processes on the same Redis. */
export function clusteredPacing(redis: RedisConnection): Pacing {
  const connection = new ClusterConnection(redis.duplicate());
  const { client, subscriber } = connection.clients;
  return {
    newPacer: (id, rate) => clusteredPacer(connection, `${PREFIX}/${id}`, rate),
    tellThrottled(id) {
      // Old news is of no use: what cannot be sent now is not sent later.
      if (connection.isReady) client.publish(THROTTLED, id).catch(() => {});
    },
    onThrottled(listener) {
      subscriber.on('message', (channel, id) => {
        if (channel === THROTTLED) listener(id);
      });
      // The connection reports a refusal, and subscribes again after each reconnect.
      subscriber.subscribe(THROTTLED).catch(() => {});
    },
    async close() {
      await connection.disconnect(false);
    },
  };
}
