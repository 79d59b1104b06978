import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';

let mirror: CliMirror;
beforeEach(async () => {
  mirror = await openCliMirror({ users: 400, groups: 4, seed: 11 });
});
afterEach(() => mirror.close());

/** The modes of all that lies in a folder, by path, itself as `.`. */
async function modesBelow(folder: string): Promise<Map<string, number>> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const modes = new Map<string, number>();
  for (const name of ['', ...names]) {
    // What is there now may be gone a moment later.
    const found: Stats | null = await lstat(join(folder, name)).catch(() => null);
    if (found) modes.set(relative(folder, join(folder, name)) || '.', found.mode & 0o777);
  }
  return modes;
}

const show = ([path, mode]: [string, number]) => `${path} ${mode.toString(8)}`;

/** What others may do something with, by its mode alone. */
function openToOthers(modes: Map<string, number>): string[] {
  return [...modes].filter(([, mode]) => (mode & 0o077) !== 0).map(show);
}

/** What others can read or write, as they may pass every folder on the way. */
function inReach(modes: Map<string, number>): string[] {
  const passable = (folder: string): boolean =>
    folder === '.'
      ? ((modes.get('.') ?? 0) & 0o011) !== 0
      : ((modes.get(folder) ?? 0) & 0o011) !== 0 && passable(dirname(folder));
  return [...modes]
    .filter(([path, mode]) => (mode & 0o066) !== 0 && (path === '.' || passable(dirname(path))))
    .map(show);
}

/** Looks at a folder again and again until it is told to stop; gives all that it saw. */
function watch(folder: string): () => Promise<{ seen: Set<string>; reached: Set<string> }> {
  const seen = new Set<string>();
  const reached = new Set<string>();
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      const modes = await modesBelow(folder);
      for (const path of modes.keys()) seen.add(path);
      for (const path of inReach(modes)) reached.add(path);
      await sleep(5);
    }
  })();
  return async () => {
    stopped = true;
    await watching;
    return { seen, reached };
  };
}

test.each([0o022, 0o000])(
  'with the umask %o, all that a run makes is for its owner alone, from the first moment',
  { timeout: 60_000 },
  async (umask) => {
    const before = process.umask(umask);
    onTestFinished(() => void process.umask(before));
    const home = join(mirror.folder, '.cognito-mirror');
    const stop = watch(home);
    // Postgres and the archive are those of the home.
    const own = { DATABASE_URL: undefined, ARCHIVE_URL: undefined };
    expect((await mirror.sync([], own)).code).toBe(0);
    expect((await mirror.sync([], own)).code).toBe(0);
    const { seen, reached } = await stop();

    expect([...reached]).toEqual([]);
    for (const part of [
      /^postgres\.lock$/,
      /^postgres\.new-\w+\/data$/,
      /^postgres\/data\/postmaster\.pid$/,
      /^work\/[^/]+\/users-0\.jsonl\.gz$/,
      /^work\/[^/]+\/users-0\.parquet$/,
      /^work\/[^/]+\/spill$/,
    ]) {
      expect([...seen]).toContainEqual(expect.stringMatching(part));
    }
    const left = await modesBelow(home);
    expect(left.size).toBeGreaterThan(500);
    expect([...left.keys()]).toContainEqual(
      expect.stringMatching(/^archive\/manifests\/.*\.json$/),
    );
    // As root, the server runs as another account, which may pass these two.
    const passed = process.getuid?.() === 0 ? ['. 711', 'postgres 711'] : [];
    expect(openToOthers(left).filter((each) => !passed.includes(each))).toEqual([]);
    expect(await readdir(mirror.env['TMPDIR'] as string)).toEqual([]);
  },
);
