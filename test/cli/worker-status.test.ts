import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { POOL } from './status-fixtures.ts';

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

  it('prints one JSON document, even without Redis', async () => {
    const { code, stdout, stderr } = await mirror.run(['status', '--json'], {
      REDIS_URL: 'redis://127.0.0.1:1',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(JSON.parse(stdout)).toEqual({
      pools: [
        {
          poolId: POOL,
          newest: null,
          head: null,
          vanished: false,
          retired: false,
          verification: null,
          lastAttempt: null,
          undelivered: null,
          waitingErasures: null,
        },
      ],
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
          problem: null,
        },
      ],
      requests: [
        {
          id: expect.any(Number),
          poolId: POOL,
          source: 'trigger',
          requestedAt: '2026-11-20T02:00:00.000Z',
          snapshot: null,
          waitingReason: null,
          endedAt: '2026-11-20T02:05:00.000Z',
          outcome: 'failed',
          reason: 'Access was denied.',
        },
      ],
    });
  });

  it('prints text without escape sequences', async () => {
    const { code, stdout } = await mirror.run(['status']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^workers: 1 alive\n/);
    expect(stdout).toContain('next Thu 2096-11-22 02:00 Asia/Kolkata, starts in ');
    expect(stdout).toContain('Access was denied.\n');
    expect(stdout).not.toContain('\u001b');
  });

  it('keeps the document current with --watch', async () => {
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
