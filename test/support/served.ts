import { until } from './fleet.ts';

const countSockets = () =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

/**
 * Remembers the connections of this process, which has the simulator. What it returns waits until those
 * of another process, which was killed meanwhile, are gone: then all that it had sent was served.
 */
export function followConnections(): () => Promise<void> {
  const before = countSockets();
  return async () => {
    await until('the connections of the killed process are closed', async () =>
      countSockets() <= before ? true : undefined,
    );
  };
}
