import { hostname } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ResumableError } from '../../src/model/errors.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { wrap } from '../archive/destinations.ts';
import { until } from '../support/fleet.ts';
import { openWorkerMirror, type WorkerMirror } from '../support/worker-mirror.ts';

const POOL = 'us-east-1_Logged';

type Line = Readonly<Record<string, unknown>> & { readonly msg: string };

let mirror: WorkerMirror;
const lines: Line[] = [];

beforeAll(async () => {
  mirror = await openWorkerMirror({ pools: [POOL], users: 150, groups: 3 });
});
afterAll(() => mirror.close());

/** Lines about the process, or about a pool before its snapshot is chosen. */
const OF_PROCESS = ['worker started', 'worker stopped'];

test('every line of a snapshot has its pool, snapshot, walk and worker, also when things fail', async () => {
  let failures = { refuse: 1, token: 1, disk: 1 };
  mirror.proxy.before = ({ operation, request, sequence }) => {
    if (operation === 'DescribeUserPool') return undefined;
    // Each list call is throttled now and then.
    if (sequence % 5 === 0) return { __type: 'TooManyRequestsException', message: 'slow down' };
    if (request['NextToken'] !== undefined && failures.token > 0) {
      failures = { ...failures, token: 0 };
      return { __type: 'InvalidParameterException', message: 'token' };
    }
    if (operation === 'ListUsersInGroup' && failures.refuse > 0) {
      failures = { ...failures, refuse: 0 };
      return { __type: 'UnheardOfException', message: 'what' };
    }
    return undefined;
  };
  const destination = wrap(mirror.destination, {
    put(...args) {
      if (failures.disk === 0) return mirror.destination.put(...args);
      failures = { ...failures, disk: 0 };
      return Promise.reject(new ResumableError('The disk is away.'));
    },
  });
  const { poolDeps } = mirror.deps;
  await mirror.startWorker({
    poolDeps: async (id) => ({ ...(await poolDeps(id)), destination }) as never,
    log: createLogger({
      level: 'debug',
      destination: { write: (line) => void lines.push(JSON.parse(line) as Line) },
    }),
  });
  await mirror.ask(POOL);
  expect(await mirror.ended(POOL)).toMatchObject({ outcome: 'done' });
  await until('the outcome is logged', async () =>
    lines.some(({ msg }) => msg === 'snapshot archived'),
  );
  mirror.proxy.before = () => undefined;

  expect(failures).toEqual({ refuse: 0, token: 0, disk: 0 });
  const messages = lines.map(({ msg }) => msg);
  expect(messages).toEqual(
    expect.arrayContaining([
      'snapshot started',
      'calling again',
      'page tokens did not lead to the end: restarting the walk',
      'a job failed',
      'snapshot archived',
    ]),
  );
  const [{ snapshot } = {}] = await mirror.rows<{ snapshot: string }>(
    'SELECT snapshot FROM directory.snapshots',
  );
  for (const line of lines) {
    expect(line, line.msg).toMatchObject({ worker: `${hostname()} ${process.pid}` });
    if (OF_PROCESS.includes(line.msg)) continue;
    expect(line, line.msg).toMatchObject({ poolId: POOL, snapshot });
    const isOfWalk =
      String(line['operation']).startsWith('List') ||
      line['queue'] === 'walks' ||
      line.msg.includes('page tokens');
    if (isOfWalk) expect(line, line.msg).toMatchObject({ walk: expect.any(Number) });
    else expect(line, line.msg).not.toHaveProperty('walk');
  }
  expect(lines.filter(({ queue }) => queue === 'walks')).not.toEqual([]);
  expect(lines.filter(({ queue }) => queue === 'snapshots')).not.toEqual([]);
});
