import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { startSimulator } from '../../src/simulator/server.ts';
import { stopServer } from '../support/embedded-server.ts';
import { temporaryFolder } from '../support/temp.ts';
import { openBackends } from './support/backends.ts';
import { UNPACED } from './support/case.ts';
import { takeSnapshot } from './support/take-snapshot.ts';
import { openWorld } from './support/world.ts';

/** Enough for an empty cluster, and not for the users below. */
const ROOM = '110m';
const MORE_ROOM = '2g';
const USERS = 60_000;

it('a disk of Postgres that is full stops a snapshot, which goes on once there is room (as root, on Linux)', async () => {
  const disk = await temporaryFolder();
  const mount = (...args: string[]) => execFileSync('mount', [...args, disk.path]);
  mount('-t', 'tmpfs', '-o', `size=${ROOM}`, 'tmpfs');
  const backends = await openBackends(disk.path);
  const simulator = await startSimulator({ rps: 0, users: USERS, groups: 2 });
  const world = await openWorld(backends, simulator, false);
  try {
    const { result } = await world.start(['sync', '--json'], {
      REDIS_URL: undefined,
      MIRROR_USER_LIST_RPS: String(UNPACED),
    });
    const { code, stderr } = await result;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^cognito-mirror: .*Run it again to resume/m);
    mount('-o', `remount,size=${MORE_ROOM}`);
    // Where no WAL can be written, Postgres itself ends.
    await backends.postgres.restart('SIGINT');
    await takeSnapshot(world, 'sync', { rate: UNPACED, clocks: [0] });
    expect(await world.rows('SELECT state, users::int FROM directory.snapshots')).toEqual([
      { state: 'archived', users: USERS },
    ]);
    expect(await world.rows('SELECT count(*)::int AS users FROM directory.users')).toEqual([
      { users: USERS },
    ]);
  } finally {
    await world.close();
    await simulator.close();
    await backends.close();
    await stopServer(disk.path);
    execFileSync('umount', [disk.path]);
    await disk.remove();
  }
}, 300_000);
