import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InterruptedError } from '../../src/model/errors.ts';
import type { SnapshotProgress } from '../../src/telemetry/snapshot-progress.ts';
import { expectMirrored } from '../support/directory.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { recordPages } from '../support/recorded-pages.ts';

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

/** The name of the table of the open snapshot's walks. */
async function findWalksTable(): Promise<string> {
  const [stage] = await mirror.rows<{ walks: string }>(
    `SELECT format('mirror.stage_%s_walks', stage) AS walks FROM mirror.runs`,
  );
  return stage?.walks ?? '';
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
      // Only the first call, which describes the pool, comes before the snapshot starts.
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

  it('reads no committed page again', async () => {
    await mirror.close();
    mirror = await openTestMirror({ users: 900, groups: 6, seed: 5 });
    const first = recordPages(mirror);
    await syncUntil(12);
    const walks = await mirror.rows<{ walk: string; pages: number }>(
      `SELECT coalesce(group_name, kind || coalesce(prefix, '')) AS walk, pages
       FROM ${await findWalksTable()}`,
    );
    const committed = walks.flatMap(({ walk, pages }) => first.get(walk)?.slice(0, pages) ?? []);
    expect(committed).toHaveLength(walks.reduce((sum, { pages }) => sum + pages, 0));
    expect(committed.length).toBeGreaterThan(4);

    const second = recordPages(mirror);
    expect((await mirror.sync()).report.state).toBe('archived');
    for (const [walk, pages] of second) {
      expect(pages.filter((page) => committed.includes(page))).toEqual([]);
      // The page that was in flight when the run was interrupted.
      const again = pages.filter((page) => first.get(walk)?.includes(page));
      expect(again.length).toBeLessThanOrEqual(1);
    }
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('reports the resume and the snapshot', async () => {
    await syncUntil(4);
    let seen: SnapshotProgress | undefined;
    await mirror.sync({
      watch: (progress) => {
        seen = progress;
      },
    });
    expect(seen?.resumed).toBe(true);
  });

  it('restarts only the walks whose tokens are too old', async () => {
    await mirror.close();
    mirror = await openTestMirror({ users: 600, groups: 6, seed: 5 });
    await syncUntil(16);
    const walks = await findWalksTable();
    const done = await mirror.rows(`SELECT id FROM ${walks} WHERE state = 'done'`);
    await mirror.rows(`UPDATE ${walks} SET token_at = token_at - interval '51 minutes'`);
    const old = await mirror.rows<{ id: number }>(
      `SELECT id FROM ${walks} WHERE token IS NOT NULL ORDER BY id`,
    );
    expect(old.length).toBeGreaterThan(0);
    // The stage is dropped at the end: what its walks were is kept by a trigger.
    await mirror.rows(
      `CREATE TABLE public.restarted AS SELECT id, attempt FROM ${walks} WHERE false`,
    );
    await mirror.rows(`CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO public.restarted VALUES (new.id, new.attempt); RETURN new; END $$`);
    await mirror.rows(`CREATE TRIGGER note AFTER UPDATE ON ${walks} FOR EACH ROW
      WHEN (new.attempt <> old.attempt) EXECUTE FUNCTION public.note()`);
    expect((await mirror.sync()).report.state).toBe('archived');
    expect(await mirror.rows('SELECT id FROM public.restarted ORDER BY id')).toEqual(old);
    for (const walk of done) expect(old).not.toContainEqual(walk);
    await expectMirrored(mirror.db, mirror.pool);
  });
});
