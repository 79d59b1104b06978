import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InterruptedError } from '../../src/model/errors.ts';
import type { SnapshotProgress } from '../../src/telemetry/snapshot-progress.ts';
import { expectMirrored } from '../support/directory.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;

beforeEach(async () => {
  mirror = await openTestMirror({ users: 150, groups: 6, seed: 5 });
});
afterEach(() => mirror.close());

/** Runs until the service has been called `calls` times, then interrupts. */
async function syncUntil(calls: number) {
  const controller = new AbortController();
  const first = mirror.simulator.attempts.total;
  mirror.proxy.before = () => {
    if (mirror.simulator.attempts.total - first >= calls) controller.abort(new InterruptedError());
  };
  const outcome = await mirror.sync({ signal: controller.signal });
  mirror.proxy.before = () => {};
  return outcome;
}

describe('a run that was interrupted', () => {
  it('is resumed from every page boundary with the result of an undisturbed run', async () => {
    let interrupted = 0;
    for (let calls = 1; ; calls++) {
      mirror.pool.createUser({ username: `user-of-run-${calls}` });
      const { report, error } = await syncUntil(calls);
      if (error === null) break;
      interrupted += 1;
      expect(error).toBeInstanceOf(InterruptedError);
      // Only the first call, which describes the pool, comes before a snapshot is begun.
      if (calls > 1) expect(report.state).toBe('walking');
      const before = await mirror.rows(
        `SELECT snapshot FROM directory.snapshots WHERE state = 'walking'`,
      );
      const resumed = await mirror.sync();
      expect(resumed.error).toBeNull();
      expect(resumed.report.state).toBe('archived');
      if (before.length > 0) expect(before).toEqual([{ snapshot: resumed.report.snapshot }]);
      await expectMirrored(mirror.db, mirror.pool);
    }
    expect(interrupted).toBeGreaterThan(8);
    const changes = await mirror.rows(
      `SELECT kind, count(*) FROM directory.changes WHERE entity = 'user' GROUP BY kind`,
    );
    expect(changes).toEqual([{ kind: 'added', count: interrupted }]);
  });

  it('reads no page again that it had committed', async () => {
    await syncUntil(6);
    const before = mirror.simulator.attempts.total;
    const { report } = await mirror.sync();
    const undisturbed = await mirror.sync();
    const calls = mirror.simulator.attempts.total - before - undisturbed.report.apiCalls;
    expect(calls).toBeLessThan(undisturbed.report.apiCalls);
    expect(report.apiCalls).toBeGreaterThanOrEqual(undisturbed.report.apiCalls);
  });

  it('says so, and which snapshot it goes on with', async () => {
    await syncUntil(4);
    let seen: SnapshotProgress | undefined;
    await mirror.sync({
      watch: (progress) => {
        seen = progress;
      },
    });
    expect(seen?.resumed).toBe(true);
  });

  it('starts the walks whose tokens are too old again, and no others', async () => {
    await mirror.close();
    mirror = await openTestMirror({ users: 600, groups: 6, seed: 5 });
    await syncUntil(16);
    const [stage] = await mirror.rows<{ walks: string }>(
      `SELECT format('mirror.stage_%s_walks', stage) AS walks FROM mirror.snapshot_leases`,
    );
    const done = await mirror.rows(`SELECT id FROM ${stage?.walks} WHERE state = 'done'`);
    await mirror.rows(`UPDATE ${stage?.walks} SET token_at = token_at - interval '51 minutes'`);
    const old = await mirror.rows<{ id: number }>(
      `SELECT id FROM ${stage?.walks} WHERE token IS NOT NULL ORDER BY id`,
    );
    expect(old.length).toBeGreaterThan(0);
    // The stage is dropped at the end: what its walks were is kept by a trigger.
    await mirror.rows(
      `CREATE TABLE public.restarted AS SELECT id, attempt FROM ${stage?.walks} WHERE false`,
    );
    await mirror.rows(`CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO public.restarted VALUES (new.id, new.attempt); RETURN new; END $$`);
    await mirror.rows(`CREATE TRIGGER note AFTER UPDATE ON ${stage?.walks} FOR EACH ROW
      WHEN (new.attempt <> old.attempt) EXECUTE FUNCTION public.note()`);
    expect((await mirror.sync()).report.state).toBe('archived');
    expect(await mirror.rows('SELECT id FROM public.restarted ORDER BY id')).toEqual(old);
    for (const walk of done) expect(old).not.toContainEqual(walk);
    await expectMirrored(mirror.db, mirror.pool);
  });
});
