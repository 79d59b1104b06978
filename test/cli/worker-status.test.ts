import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { widthOf } from '../../src/cli/display/fit.ts';
import { formatInZone, formatSpan, fromNow } from '../../src/cli/display/moments.ts';
import { statusText } from '../../src/cli/display/status-text.ts';
import { wrap } from '../../src/cli/display/wrap.ts';
import { commandLine } from '../../src/config/command-line.ts';
import type { SnapshotStatus } from '../../src/runner/snapshot-status.ts';
import type { PoolStatus, RequestStatus, Status } from '../../src/runner/status.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';

const POOL = 'us-east-1_Main';
const AT = new Date('2026-11-21T20:48:00Z');
const minutes = (count: number) => new Date(AT.getTime() + count * 60_000);

const EMPTY: Status = {
  at: AT,
  pools: [],
  snapshots: [],
  schedules: [],
  workers: [],
  requests: [],
};

const SNAPSHOT: SnapshotStatus = {
  poolId: POOL,
  snapshot: '20261121T204000Z',
  snapshotAt: minutes(-8),
  walkedAt: null,
  state: 'walking',
  reason: null,
  publishedAt: null,
  archivedAt: null,
  users: null,
  groups: null,
  memberships: null,
  added: null,
  modified: null,
  removed: null,
  repaired: null,
  apiCalls: 1_234,
  throttled: 5,
  retries: 0,
  manifest: null,
  manifestSha256: null,
  runner: null,
  progress: null,
  walking: null,
};

const WALK = {
  id: 17,
  kind: 'members',
  prefix: null,
  attempt: 1,
  pages: 40,
  items: 2_400,
  expected: 9_600,
  readAt: minutes(0),
  rate: 60,
  estimatedEnd: minutes(2),
} as const;

const PROGRESS = {
  phase: 'walk',
  done: null,
  total: null,
  beganAt: minutes(-8),
  notedAt: minutes(-8),
} as const;

const WALKING: SnapshotStatus = {
  ...SNAPSHOT,
  runner: 'workers',
  progress: PROGRESS,
  walking: {
    walks: [
      {
        kind: 'members',
        walks: 40,
        walksDone: 3,
        walksInProgress: 12,
        items: 12_345,
        expected: 20_000,
        readAt: minutes(0),
      },
    ],
    inProgress: [
      WALK,
      { ...WALK, id: 2, kind: 'users', prefix: '3f', rate: null, estimatedEnd: null },
    ],
    rate: 1_440,
    rateSince: minutes(-1),
    readAt: minutes(0),
    estimatedEnd: minutes(5),
  },
};

function request(differences: Partial<RequestStatus>): RequestStatus {
  return {
    id: 1,
    poolId: POOL,
    source: 'schedule',
    requestedAt: minutes(-30),
    snapshot: null,
    waitsFor: null,
    endedAt: null,
    outcome: null,
    reason: null,
    ...differences,
  };
}

const FAILED = request({
  endedAt: minutes(-20),
  outcome: 'failed',
  reason: 'Access was denied.',
  snapshot: SNAPSHOT.snapshot,
});

const WORKER = {
  id: 'w1',
  host: 'worker-a',
  pid: 4242,
  version: '0.1.0',
  startedAt: minutes(-75),
  seenAt: minutes(0),
  alive: true,
  jobs: 4,
  trouble: null,
};

const SCHEDULE = {
  poolId: POOL,
  pattern: '0 2 * * *',
  timezone: 'Europe/Berlin',
  dueAt: new Date('2026-11-22T01:00:00Z'),
  startsAt: new Date('2026-11-22T01:07:00Z'),
};

const textOf = (differences: Partial<Status>, width = 160) =>
  statusText({ ...EMPTY, ...differences }, width);

describe('the status, for a person', () => {
  it('shows when a pool is mirrored next, in the zone of its schedule and from now', () => {
    expect(textOf({ schedules: [SCHEDULE], workers: [WORKER] })).toContain(
      `${POOL}\n  schedule 0 2 * * *: next Sun 2026-11-22 02:00 Europe/Berlin, begins in 4 h 19 min\n`,
    );
  });

  it('says since when a run is due that no worker took up', () => {
    const late = { ...SCHEDULE, dueAt: minutes(-12), startsAt: minutes(-5) };
    expect(textOf({ schedules: [late] })).toBe(
      'No worker is alive, so nothing is begun. Start one:\n' +
        `  ${commandLine(['worker'])}\n\n` +
        `${POOL}\n  schedule 0 2 * * *: due since Sat 2026-11-21 21:36 Europe/Berlin, 12 min ago\n`,
    );
  });

  it('shows the workers, which of them are lost, and what keeps the others from working', () => {
    const workers = [
      { ...WORKER, id: 'w2', host: 'worker-b', alive: false, seenAt: minutes(-3), trouble: 'Old.' },
      { ...WORKER, id: 'w3', pid: 7, trouble: 'Redis does not answer.' },
      WORKER,
    ];
    expect(textOf({ workers }).split('\n').slice(0, 7)).toEqual([
      'workers: 2 alive, 1 lost',
      'worker        | state      | jobs | seen      |         up | version',
      '--------------+------------+------+-----------+------------+--------',
      'worker-b 4242 | lost       |      | 3 min ago |            | 0.1.0',
      'worker-a 7    | in trouble |    4 | 0 s ago   | 1 h 15 min | 0.1.0',
      'worker-a 4242 | alive      |    4 | 0 s ago   | 1 h 15 min | 0.1.0',
      '  worker-a 7: Redis does not answer.',
    ]);
  });

  it('shows eight workers of many', () => {
    const workers = Array.from({ length: 100 }, (_, pid) => ({ ...WORKER, id: `w${pid}`, pid }));
    const text = textOf({ workers });
    expect(text).toContain('workers: 100 alive\n');
    expect(text).toContain('worker-a 7 ');
    expect(text).not.toContain('worker-a 8 ');
    expect(text).toContain('  … and 92 more\n');
  });

  it('shows what an open request waits for', () => {
    const about = (differences: Partial<RequestStatus>) =>
      textOf({ workers: [WORKER], requests: [request(differences)] });
    expect(about({})).toContain('  asked for by the schedule 30 min ago: waits for a worker\n');
    expect(about({ source: 'trigger', snapshot: SNAPSHOT.snapshot })).toContain(
      '  asked for by trigger 30 min ago: snapshot 20261121T204000Z is being taken\n',
    );
    expect(about({ waitsFor: 'Another run has the pool.' })).toContain(
      '  asked for by the schedule 30 min ago: waits: Another run has the pool.\n',
    );
  });

  it('shows what was skipped or failed and why, and how to go on from there', () => {
    const skipped = request({
      id: 2,
      endedAt: minutes(-25),
      outcome: 'skipped',
      reason: 'The snapshot before was still in progress.',
    });
    const done = request({ id: 0, endedAt: minutes(-60), outcome: 'done' });
    const text = textOf({ snapshots: [SNAPSHOT], requests: [{ ...FAILED, id: 3 }, skipped, done] });
    expect(text.split('\n').slice(-5)).toEqual([
      '  failed 2026-11-21T20:28:00Z, snapshot 20261121T204000Z, asked for by the schedule: Access was denied.',
      '    To go on from there:',
      `      ${commandLine(['trigger', POOL])}`,
      '  skipped 2026-11-21T20:23:00Z, asked for by the schedule: The snapshot before was still in progress.',
      '',
    ]);
  });

  it('offers another try where nothing was kept, and none where one is under way', () => {
    const requests = [{ ...FAILED, snapshot: null }];
    expect(textOf({ requests })).toContain(
      `\n    To try again:\n      ${commandLine(['trigger', POOL])}\n`,
    );
    expect(textOf({ requests: [request({ id: 2 }), FAILED] })).not.toContain('trigger us-east');
  });

  it('shows how far the walks of a snapshot are, each without the name of its group', () => {
    expect(
      textOf({ snapshots: [WALKING] })
        .split('\n')
        .slice(4),
    ).toEqual([
      '  20261121T204000Z: members: 12,345 of about 20,000 read, 3 of 40 walks done',
      '                    1,440 items/s; end: 2026-11-21T20:53:00Z, in 5 min',
      '  walk             |  read | of about | pages | items/s | ends',
      '  -----------------+-------+----------+-------+---------+---------',
      '  members, walk 17 | 2,400 |    9,600 |    40 |      60 | in 2 min',
      '  users 3f…        | 2,400 |    9,600 |    40 |         | ',
      '  … and 10 more',
      '',
    ]);
  });

  it('shows a snapshot that no process reads as interrupted, with no rate, and how to resume it', () => {
    const walking = {
      ...(WALKING.walking as NonNullable<SnapshotStatus['walking']>),
      rate: null,
      rateSince: null,
      estimatedEnd: null,
    };
    const interrupted = { ...SNAPSHOT, walking, reason: 'Interrupted.' };
    expect(
      textOf({ snapshots: [interrupted] })
        .split('\n')
        .slice(3),
    ).toEqual([
      expect.stringMatching(/^20261121T204000Z \| interrupted \|/),
      '  20261121T204000Z: Interrupted.',
      '                    interrupted: no process reads it.',
      '                    members: 12,345 of about 20,000 read, 3 of 40 walks done',
      `    To resume: ${commandLine(['sync', POOL])}`,
      '',
    ]);
    // Where workers mirror the pool, one of them resumes it.
    expect(textOf({ snapshots: [interrupted], schedules: [SCHEDULE] })).toContain(
      `To resume: ${commandLine(['trigger', POOL])}\n`,
    );
  });

  it.each([
    ['check', null, null, 'checking'],
    ['check', 340, 1_000, 'confirming users: 340 of 1,000'],
    ['publish', null, null, 'publishing'],
    ['archive', 60_000, 120_000, 'archiving: 60,000 of 120,000 rows'],
  ] as const)(
    'shows the step %s with what is done of it in place of the walks',
    (phase, done, total, text) => {
      const progress = { ...PROGRESS, phase, done, total, notedAt: minutes(0) };
      const snapshots = [{ ...WALKING, progress }];
      expect(textOf({ snapshots }).split('\n').slice(4)).toEqual([
        `  20261121T204000Z: ${text}`,
        '',
      ]);
      const silent = [{ ...WALKING, progress: { ...progress, notedAt: minutes(-2) } }];
      expect(textOf({ snapshots: silent })).toContain(`${text}; no progress for 2 min\n`);
    },
  );

  it('names the commands that decide about a held snapshot', () => {
    const held = { ...SNAPSHOT, state: 'held', reason: '450 of 3,002 users would go.' } as const;
    expect(
      textOf({ snapshots: [held] })
        .split('\n')
        .slice(4),
    ).toEqual([
      '  20261121T204000Z: 450 of 3,002 users would go.',
      `    To publish it: ${commandLine(['release', `${POOL}/20261121T204000Z`])}`,
      `    To drop it:    ${commandLine(['discard', `${POOL}/20261121T204000Z`])}`,
      '',
    ]);
  });

  it('shows how old the mirror is, and the last attempt with why it began no snapshot', () => {
    const newest = {
      snapshot: '20261120T134000Z',
      snapshotAt: minutes(-31 * 60 - 8),
      state: 'archived',
      ageSeconds: (31 * 60 + 8) * 60,
    } as const;
    const lastAttempt = {
      endedAt: minutes(-420),
      outcome: 'failed',
      snapshot: null,
      reason: 'ARCHIVE_URL: the bucket is away.',
    } as const;
    const pool = { poolId: POOL, newest, vanished: false, lastAttempt };
    const linesOf = (each: PoolStatus) =>
      textOf({ pools: [each] })
        .split('\n')
        .slice(1, -1);
    expect(linesOf(pool)).toEqual([
      '  newest published: 20261120T134000Z, 1 d 7 h ago',
      '  last attempt: failed 7 h ago, no snapshot was begun: ARCHIVE_URL: the bucket is away.',
    ]);
    const published = { ...newest, state: 'published' } as const;
    const stopped = { ...lastAttempt, snapshot: newest.snapshot };
    expect(linesOf({ ...pool, newest: published, lastAttempt: stopped })).toEqual([
      '  newest published: 20261120T134000Z, 1 d 7 h ago, not archived',
      '  last attempt: failed 7 h ago',
    ]);
    expect(linesOf({ poolId: POOL, newest: null, vanished: false, lastAttempt: null })).toEqual([
      '  newest published: none',
    ]);
  });

  it('names the columns that it has no room for', () => {
    expect(textOf({ snapshots: [SNAPSHOT] })).not.toContain('Not shown');
    expect(textOf({ snapshots: [SNAPSHOT] }, 80)).toMatch(
      /\n\nNot shown in 80 columns: memberships, calls, throttled\. --json has all\.\n$/,
    );
  });

  it('says when a rate is an average, and that nothing was read lately', () => {
    const walking = {
      ...(WALKING.walking as NonNullable<SnapshotStatus['walking']>),
      rateSince: SNAPSHOT.snapshotAt,
      readAt: minutes(-3),
      estimatedEnd: null,
    };
    expect(textOf({ snapshots: [{ ...WALKING, walking }] })).toContain(
      ' 1,440 items/s on average, no page requested for 3 min; end: unknown\n',
    );
  });

  it.each([40, 60, 80, 160])('fits %i columns, without a number that is cut', (width) => {
    const text = textOf(
      {
        snapshots: [
          { ...WALKING, reason: 'Something that takes a long time to be told. '.repeat(5) },
          { ...SNAPSHOT, users: 1_234_567, groups: 1_234, memberships: 7_654_321, added: 98_765 },
        ],
        schedules: [SCHEDULE],
        workers: [{ ...WORKER, trouble: `Redis does not answer at ${'redis.'.repeat(30)}` }],
        requests: [FAILED],
      },
      width,
    );
    // A command is whole, so that it can be pasted: the terminal wraps it.
    const lines = text.split('\n');
    expect(lines).toContain(`      ${commandLine(['trigger', POOL])}`);
    for (const line of lines.filter((each) => !each.includes(commandLine([])))) {
      expect(widthOf(line)).toBeLessThanOrEqual(width);
    }
    if (width >= 60) expect(text).toContain('1,234,567');
    expect(text).not.toMatch(/\d…/);
  });

  it('shows what a terminal would act on escaped', () => {
    const odd = '\u001b[2J\u202e\n';
    const text = textOf({
      snapshots: [{ ...WALKING, reason: odd }],
      schedules: [{ ...SCHEDULE, pattern: odd, timezone: odd }],
      workers: [{ ...WORKER, host: odd, version: odd, trouble: odd }],
      requests: [request({ waitsFor: odd }), { ...FAILED, id: 0, reason: odd }],
    });
    for (const active of ['\u001b', '\u202e']) expect(text).not.toContain(active);
    expect(text.split('\\u001b[2J\\u202e\\n')).toHaveLength(1 + 8);
  });
});

describe('moments', () => {
  it.each([
    [-5, '0 s'],
    [59.4, '59 s'],
    [60, '1 min'],
    [3_600, '1 h'],
    [18_720, '5 h 12 min'],
    [273_600, '3 d 4 h'],
  ])('a span of %d seconds is %s', (seconds, text) => {
    expect(formatSpan(seconds)).toBe(text);
  });

  it('are told from now, and in zones with and without summer time', () => {
    expect(fromNow(minutes(3), AT)).toBe('in 3 min');
    expect(fromNow(minutes(-3), AT)).toBe('3 min ago');
    const summer = new Date('2026-07-01T22:30:00Z');
    expect(formatInZone(summer, 'Europe/Berlin')).toBe('Thu 2026-07-02 00:30 Europe/Berlin');
    expect(formatInZone(summer, 'Asia/Kolkata')).toBe('Thu 2026-07-02 04:00 Asia/Kolkata');
  });

  it('are told in UTC where this machine does not know the zone', () => {
    expect(formatInZone(AT, 'Mars/Olympus')).toBe('Sat 2026-11-21 20:48 UTC');
  });
});

it('lines are broken between words, and within those that are too wide', () => {
  expect(wrap('- ', 'one two three', 12)).toEqual(['- one two', '  three']);
  expect(wrap('  ', 'x'.repeat(25), 14)).toEqual([
    `  ${'x'.repeat(11)}`,
    `  ${'x'.repeat(11)}`,
    '  xxx',
  ]);
});

describe('status of workers', () => {
  let mirror: CliMirror;
  beforeEach(async () => {
    mirror = await openCliMirror({ pools: [POOL] });
    await mirror.rows(
      `INSERT INTO mirror.schedules VALUES
         ('us-east-1_Main', '0 2 * * *', 'Asia/Kolkata', '2096-11-21T20:30:00Z', '2096-11-21T20:31:00Z')`,
    );
    await mirror.rows(
      `INSERT INTO mirror.workers (id, host, pid, version, jobs) VALUES ('w1', 'a', 42, '0.1.0', 3)`,
    );
    await mirror.rows(
      `INSERT INTO mirror.requests (pool_id, source, requested_at, ended_at, outcome, reason)
       VALUES ('us-east-1_Main', 'trigger', '2026-11-20T02:00:00Z', '2026-11-20T02:05:00Z',
         'failed', 'Access was denied.')`,
    );
  });
  afterEach(() => mirror.close());

  it('prints all of it as one JSON document, whether or not Redis answers', async () => {
    const { code, stdout, stderr } = await mirror.run(['status', '--json'], {
      REDIS_URL: 'redis://127.0.0.1:1',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(JSON.parse(stdout)).toEqual({
      pools: [{ poolId: POOL, newest: null, vanished: false, lastAttempt: null }],
      snapshots: [],
      schedules: [
        {
          poolId: POOL,
          pattern: '0 2 * * *',
          timezone: 'Asia/Kolkata',
          dueAt: '2096-11-21T20:30:00.000Z',
          startsAt: '2096-11-21T20:31:00.000Z',
        },
      ],
      workers: [
        {
          id: 'w1',
          host: 'a',
          pid: 42,
          version: '0.1.0',
          startedAt: iso,
          seenAt: iso,
          alive: true,
          jobs: 3,
          trouble: null,
        },
      ],
      requests: [
        {
          id: expect.any(Number),
          poolId: POOL,
          source: 'trigger',
          requestedAt: '2026-11-20T02:00:00.000Z',
          snapshot: null,
          waitsFor: null,
          endedAt: '2026-11-20T02:05:00.000Z',
          outcome: 'failed',
          reason: 'Access was denied.',
        },
      ],
    });
  });

  it('prints it for a person, without an escape sequence', async () => {
    const { code, stdout } = await mirror.run(['status']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^workers: 1 alive\n/);
    expect(stdout).toContain('next Thu 2096-11-22 02:00 Asia/Kolkata, begins in ');
    expect(stdout).toContain('Access was denied.\n');
    expect(stdout).not.toContain('\u001b');
  });

  it('keeps it current with --watch', async () => {
    const { child, output, result } = await mirror.start(['status', '--watch', '--json']);
    const jobs = () =>
      output.stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).workers[0]?.jobs);
    await expect.poll(jobs).toContain(3);
    await mirror.rows('UPDATE mirror.workers SET jobs = 9, seen_at = clock_timestamp()');
    await expect.poll(jobs).toContain(9);
    await mirror.rows('DELETE FROM mirror.workers');
    await expect.poll(jobs).toContain(undefined);
    child.kill('SIGINT');
    expect((await result).code).toBe(0);
  });
});
