import type { RedisConnection } from '../../redis/connection.ts';
import type { Pacing } from '../pacing.ts';
import { ClusterConnection } from './connection.ts';
import { clusteredPacer } from './pacer.ts';

/** Marks the mirror's own keys in a Redis that others use too. */
const PREFIX = 'cognito-mirror';
/** Its messages are the ids of lanes that the service throttled. */
const THROTTLED = `${PREFIX}/throttled`;

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
      subscriber.subscribe(THROTTLED).catch(() => {});
    },
    async close() {
      await connection.disconnect(false);
    },
  };
}
