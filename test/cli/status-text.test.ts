import { describe, expect, it } from 'vitest';
import { commandLine } from '../../src/cli/command-line.ts';
import { HELD_MEANS } from '../../src/cli/display/snapshot-summary.ts';
import { measureWidth } from '../../src/cli/display/text-width.ts';
import type { SnapshotStatus } from '../../src/runner/snapshot-status.ts';
import type { PoolStatus, RequestStatus } from '../../src/runner/status.ts';
import {
  FAILED,
  minutes,
  POOL,
  PROGRESS,
  request,
  SCHEDULE,
  SNAPSHOT,
  textOf,
  WALKING,
  WORKER,
} from './status-fixtures.ts';

describe('the status as text', () => {
  it('shows the next run of a pool in the zone of its schedule and relative to now', () => {
    expect(textOf({ schedules: [SCHEDULE], workers: [WORKER] })).toContain(
      `${POOL}\n  schedule 0 2 * * *: next Sun 2026-11-22 02:00 Europe/Berlin, starts in 4 h 19 min\n`,
    );
  });

  it('shows since when a run is due that no worker has started', () => {
    const late = { ...SCHEDULE, dueAt: minutes(-12), startsAt: minutes(-5) };
    expect(textOf({ schedules: [late] })).toBe(
      'No worker is alive, so no snapshot starts. Start one:\n' +
        `  ${commandLine(['worker'])}\n\n` +
        `${POOL}\n  schedule 0 2 * * *: due since Sat 2026-11-21 21:36 Europe/Berlin, 12 min ago\n`,
    );
  });

  it('shows the workers, with lost and unready ones first', () => {
    const workers = [
      { ...WORKER, id: 'w2', host: 'worker-b', alive: false, seenAt: minutes(-3), problem: 'Old.' },
      { ...WORKER, id: 'w3', pid: 7, problem: 'Redis does not answer.' },
      WORKER,
    ];
    expect(textOf({ workers }).split('\n').slice(0, 7)).toEqual([
      'workers: 2 alive, 1 lost',
      'worker        | state   | jobs | seen      |         up | version',
      '--------------+---------+------+-----------+------------+--------',
      'worker-b 4242 | lost    |      | 3 min ago |            | 0.1.0',
      'worker-a 7    | unready |    4 | 0 s ago   | 1 h 15 min | 0.1.0',
      'worker-a 4242 | alive   |    4 | 0 s ago   | 1 h 15 min | 0.1.0',
      '  worker-a 7: Redis does not answer.',
    ]);
  });

  it('shows at most eight workers', () => {
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
    expect(about({})).toContain('  requested by the schedule 30 min ago: waiting for a worker\n');
    expect(about({ source: 'trigger', snapshot: SNAPSHOT.snapshot })).toContain(
      '  requested by trigger 30 min ago: snapshot 20261121T204000Z is running\n',
    );
    expect(about({ waitingReason: 'Another run has the pool.' })).toContain(
      '  requested by the schedule 30 min ago: waiting: Another run has the pool.\n',
    );
  });

  it('shows why requests were skipped or failed, and how to resume', () => {
    const skipped = request({
      id: 2,
      endedAt: minutes(-25),
      outcome: 'skipped',
      reason: 'The snapshot before was still in progress.',
    });
    const done = request({ id: 0, endedAt: minutes(-60), outcome: 'done' });
    const text = textOf({ snapshots: [SNAPSHOT], requests: [{ ...FAILED, id: 3 }, skipped, done] });
    expect(text.split('\n').slice(-5)).toEqual([
      '  failed 2026-11-21T20:28:00Z, snapshot 20261121T204000Z, requested by the schedule: Access was denied.',
      '    To resume:',
      `      ${commandLine(['trigger', POOL])}`,
      '  skipped 2026-11-21T20:23:00Z, requested by the schedule: The snapshot before was still in progress.',
      '',
    ]);
  });

  it('suggests another try if nothing was kept and no request is open', () => {
    const requests = [{ ...FAILED, snapshot: null }];
    expect(textOf({ requests })).toContain(
      `\n    To try again:\n      ${commandLine(['trigger', POOL])}\n`,
    );
    expect(textOf({ requests: [request({ id: 2 }), FAILED] })).not.toContain('trigger us-east');
  });

  it('shows the progress of walks without the names of groups', () => {
    expect(
      textOf({ snapshots: [WALKING] })
        .split('\n')
        .slice(4),
    ).toEqual([
      '  20261121T204000Z: members: 12,345 of about 20,000 read, 3 of 40 walks done',
      '                    1,440 items/s; end: 2026-11-21T20:53:00Z, in 5 min',
      '  walk             |  read | expected | pages | items/s | ends',
      '  -----------------+-------+----------+-------+---------+---------',
      '  members, walk 17 | 2,400 |    9,600 |    40 |      60 | in 2 min',
      '  users 3f…        | 2,400 |    9,600 |    40 |         | ',
      '  … and 10 more',
      '',
    ]);
  });

  it('shows a snapshot that no process reads as interrupted, and how to resume it', () => {
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
    // A scheduled pool is resumed by workers.
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

  it('shows the commands that explain, publish or discard a held snapshot', () => {
    const held = { ...SNAPSHOT, state: 'held', reason: '450 of 3,002 users would go.' } as const;
    expect(
      textOf({ snapshots: [held] })
        .split('\n')
        .slice(4),
    ).toEqual([
      '  20261121T204000Z: 450 of 3,002 users would go.',
      `${' '.repeat(20)}${HELD_MEANS}`,
      '    To see what it would change:',
      `      ${commandLine(['diff', POOL, 'latest', 'held'])}`,
      '    To publish it:',
      `      ${commandLine(['release', `${POOL}/20261121T204000Z`])}`,
      '    To discard it:',
      `      ${commandLine(['discard', `${POOL}/20261121T204000Z`])}`,
      '',
    ]);
  });

  it('shows the age of the mirror, and why the last attempt started no snapshot', () => {
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
    const none = {
      head: null,
      vanished: false,
      retired: false,
      verification: null,
      undelivered: null,
      waitingErasures: null,
    };
    const pool = { poolId: POOL, newest, lastAttempt, ...none };
    const linesOf = (each: PoolStatus) =>
      textOf({ pools: [each] })
        .split('\n')
        .slice(1, -1);
    expect(linesOf(pool)).toEqual([
      '  newest published: 20261120T134000Z, 1 d 7 h ago',
      '  last attempt: failed 7 h ago, no snapshot was started: ARCHIVE_URL: the bucket is away.',
    ]);
    expect(linesOf({ ...pool, lastAttempt: null, retired: true })).toEqual([
      '  newest published: 20261120T134000Z, 1 d 7 h ago',
      '  retired: no snapshot of it is expected any more',
    ]);
    const published = { ...newest, state: 'published' } as const;
    const stopped = { ...lastAttempt, snapshot: newest.snapshot };
    expect(linesOf({ ...pool, newest: published, lastAttempt: stopped })).toEqual([
      '  newest published: 20261120T134000Z, 1 d 7 h ago, not archived',
      '  last attempt: failed 7 h ago',
    ]);
    const head = { snapshots: 12, snapshot: newest.snapshot, sha256: 'a'.repeat(64) };
    expect(linesOf({ ...pool, head, lastAttempt: null })).toEqual([
      '  newest published: 20261120T134000Z, 1 d 7 h ago',
      '  head of the archive: 20261120T134000Z, the newest of 12 snapshots; SHA-256',
      `    ${'a'.repeat(64)}`,
    ]);
    const empty = { poolId: POOL, newest: null, lastAttempt: null, ...none };
    expect(linesOf(empty)).toEqual(['  never published']);
    const waiting = { erasures: 2, objects: 3, held: 0 };
    const dates = { firstUntil: minutes(-60), lastUntil: minutes(24 * 60) };
    const one = { erasures: 1, objects: 1, held: 1 };
    const tomorrow = { firstUntil: minutes(24 * 60), lastUntil: minutes(24 * 60) };
    const lineOf = (waitingErasures: PoolStatus['waitingErasures']) =>
      linesOf({ ...empty, waitingErasures })
        .slice(1)
        .map((line) => line.trim())
        .join(' ');
    expect(lineOf({ ...waiting, ...dates })).toBe(
      'forgotten persons: 2 erasures with 3 objects left under Object Lock: from 2026-11-21T19:48:00Z until 2026-11-22T20:48:00Z, in 1 d; the next snapshot deletes those whose lock has ended',
    );
    expect(lineOf({ ...one, ...tomorrow })).toBe(
      'forgotten persons: 1 erasure with 1 object left under Object Lock: until 2026-11-22T20:48:00Z, in 1 d; 1 under a legal hold',
    );
    expect(lineOf({ ...one, held: 0, firstUntil: null, lastUntil: null })).toBe(
      'forgotten persons: 1 erasure with 1 object left under Object Lock',
    );
  });

  it('names hidden columns', () => {
    expect(textOf({ snapshots: [SNAPSHOT] })).not.toContain('Hidden');
    expect(textOf({ snapshots: [SNAPSHOT] }, 80)).toMatch(
      /\n\nHidden at 80 columns: memberships, calls, throttled\. --json shows all\.\n$/,
    );
  });

  it('marks an average rate and a pause between pages', () => {
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

  it.each([40, 60, 80, 160])('fits %i columns without cutting a number', (width) => {
    const text = textOf(
      {
        snapshots: [
          { ...WALKING, reason: 'A reason that is longer than one line. '.repeat(5) },
          { ...SNAPSHOT, users: 1_234_567, groups: 1_234, memberships: 7_654_321, added: 98_765 },
        ],
        schedules: [SCHEDULE],
        workers: [{ ...WORKER, problem: `Redis does not answer at ${'redis.'.repeat(30)}` }],
        requests: [FAILED],
      },
      width,
    );
    // Commands are not wrapped, so that they can be pasted.
    const lines = text.split('\n');
    expect(lines).toContain(`      ${commandLine(['trigger', POOL])}`);
    for (const line of lines.filter((each) => !each.includes(commandLine([])))) {
      expect(measureWidth(line)).toBeLessThanOrEqual(width);
    }
    if (width >= 60) expect(text).toContain('1,234,567');
    expect(text).not.toMatch(/\d…/);
  });

  it('escapes control characters', () => {
    const odd = '\u001b[2J\u202e\n';
    const text = textOf({
      snapshots: [{ ...WALKING, reason: odd }],
      schedules: [{ ...SCHEDULE, pattern: odd, timezone: odd }],
      workers: [{ ...WORKER, host: odd, version: odd, problem: odd }],
      requests: [request({ waitingReason: odd }), { ...FAILED, id: 0, reason: odd }],
    });
    for (const active of ['\u001b', '\u202e']) expect(text).not.toContain(active);
    expect(text.split('\\u001b[2J\\u202e\\n')).toHaveLength(1 + 8);
  });
});
